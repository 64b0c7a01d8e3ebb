/** Which product is sold where: products as rows, stores as columns. */
import type { Hono } from 'hono'
import { type Api, read } from './api.ts'
import { type ConsoleEnv, may } from './console-env.ts'
import {
  FilterInput,
  type Filters,
  NothingMatches,
  readFilters,
  SearchInput,
  withQuery,
} from './filters.tsx'
import { Empty, page } from './layout.tsx'
import { PageTitle, Paging, ReadOnlyHint } from './parts.tsx'
import {
  byRegion,
  type CatalogRecord,
  catalogPage,
  type StoreOption,
  storePage,
} from './records.ts'

const productsShown = 50
const storesShown = 60
const filterNames = ['q', 'category', 'brand', 'region']

export function availabilityPage(pages: Hono<ConsoleEnv>): void {
  pages.get('/availability', async (c) => {
    const given = readFilters(filterNames, c.req.query())
    const { region, ...filters } = given
    const { cursor, stores: storeCursor } = c.req.query()
    const [products, stores] = await readBoth(c.get('api'), given, { cursor, storeCursor })
    const mayWrite = may(c, 'write')
    const shown = { products: products.products ?? [], stores: stores.stores }
    const isFilled = shown.products.length > 0 && shown.stores.length > 0
    return page(
      c,
      { title: 'Availability', script: 'matrix' },
      <>
        <PageTitle title="Availability" hint={mayWrite ? writeHint : <ReadOnlyHint />}>
          {mayWrite && isFilled && (
            <SellButton filters={filters} region={region} count={products.count} />
          )}
        </PageTitle>
        <FilterForm given={given} />
        {isFilled ? (
          <>
            <Matrix {...shown} mayWrite={mayWrite} />
            <Paging
              shown={shownOf(shown.products.length, products.count, 'products')}
              first={cursor && addressOf(given, undefined, storeCursor)}
              next={next(products, (page) => addressOf(given, page, storeCursor))}
            />
            {stores.count > storesShown && (
              <Paging
                of="stores"
                shown={shownOf(shown.stores.length, stores.count, 'stores')}
                first={storeCursor && addressOf(given, cursor, undefined)}
                next={next(stores, (page) => addressOf(given, cursor, page))}
              />
            )}
          </>
        ) : (
          <Nothing given={given} hasStores={shown.stores.length > 0} />
        )}
      </>,
    )
  })
}

type Cursors = Record<'cursor' | 'storeCursor', string | undefined>

function readBoth(
  api: Api,
  { region = '', ...filters }: Filters,
  { cursor = '', storeCursor = '' }: Cursors,
) {
  const paged = { cursor, limit: String(productsShown), count: 'true' }
  const storesPaged = { region, cursor: storeCursor, limit: String(storesShown), count: 'true' }
  const given = (query: Filters) => readFilters(Object.keys(query), query)
  return Promise.all([
    read(api, withQuery('/v1/products', given({ ...filters, ...paged })), catalogPage),
    read(api, withQuery('/v1/stores', given({ ...storesPaged, sort: 'title' })), storePage),
  ])
}

const writeHint = 'A tick sells a product in a store. Nothing is written before you save.'

type SellButtonProps = { filters: Filters; region: string | undefined; count: number }

function SellButton({ filters, region = '', count }: SellButtonProps) {
  const selection = { all: 'true', where: JSON.stringify(filters), count, region }
  return (
    <>
      <button
        type="button"
        hx-post="/console/bulk/products/sell"
        hx-vals={JSON.stringify(selection)}
        hx-target="#bulk"
      >
        {`Change all ${count.toLocaleString('en')} that match`}
      </button>
      <dialog id="bulk" aria-labelledby="bulk-title" />
    </>
  )
}

const shownOf = (shown: number, all: number, what: string) =>
  `${shown} of ${all.toLocaleString('en')} ${what}`

/** Products and stores have pages of their own. */
const addressOf = (given: Filters, cursor = '', stores = '') =>
  withQuery(
    '/console/availability',
    readFilters([...filterNames, 'cursor', 'stores'], { ...given, cursor, stores }),
  )

const next = (
  { next_cursor }: { next_cursor: string | null },
  addressOfPage: (cursor: string) => string,
) => (next_cursor === null ? undefined : addressOfPage(next_cursor))

function FilterForm({ given }: { given: Filters }) {
  return (
    <search>
      <form class="filters" action="/console/availability">
        <SearchInput value={given.q} placeholder="Search products" />
        <FilterInput
          name="category"
          value={given.category}
          placeholder="Category"
          suggest="products.categories"
        />
        <FilterInput
          name="region"
          value={given.region}
          placeholder="Region"
          label="Region of the stores"
          suggest="stores.region"
        />
        <button type="submit">Show</button>
      </form>
    </search>
  )
}

function Nothing({ given, hasStores }: { given: Filters; hasStores: boolean }) {
  if (Object.keys(given).length > 0)
    return <NothingMatches title="Nothing matches" path="/console/availability" />
  const missing = hasStores ? 'products' : 'stores'
  return (
    <Empty title={`No ${missing} yet`}>
      <p>A product can be sold in a store once there is one of each.</p>
      <a class="button primary" href={`/console/${missing}`}>{`Go to ${missing}`}</a>
    </Empty>
  )
}

type MatrixProps = { products: CatalogRecord[]; stores: StoreOption[]; mayWrite: boolean }

function Matrix({ products, stores, mayWrite }: MatrixProps) {
  const groups = byRegion(stores)
  const ordered = groups.flatMap(([, group]) => group)
  return (
    <>
      <div class="scroll">
        <table class="matrix" data-matrix aria-label="Availability of products in stores">
          <thead>
            <tr>
              <td />
              {groups.map(([region, group]) => (
                <th scope="colgroup" colspan={group.length} class="region">
                  <button
                    type="button"
                    tabindex={-1}
                    disabled={!mayWrite}
                    data-stores={group.map(({ id }) => id).join(',')}
                  >
                    {region}
                  </button>
                </th>
              ))}
            </tr>
            <tr>
              <th scope="col">Product</th>
              {ordered.map(({ id, location, title }) => (
                <th scope="col" class="store" title={title}>
                  <button type="button" tabindex={-1} disabled={!mayWrite} data-stores={id}>
                    {location ?? title}
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {products.map((product, row) => (
              <tr data-product={product.id}>
                <th scope="row">
                  <button
                    type="button"
                    tabindex={-1}
                    disabled={!mayWrite}
                    data-row
                    title={product.title}
                  >
                    {product.title}
                  </button>
                </th>
                {ordered.map((store, column) => (
                  <td>
                    <label>
                      <input
                        type="checkbox"
                        autocomplete="off"
                        tabindex={row === 0 && column === 0 ? 0 : -1}
                        data-store={store.id}
                        aria-label={`${product.title} in ${store.location ?? store.title}`}
                        checked={product.store_ids?.includes(store.id)}
                        disabled={!mayWrite}
                      />
                      <span>{store.location ?? store.title}</span>
                    </label>
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {mayWrite && (
        <div class="save">
          <span data-summary role="status">
            Nothing changed
          </span>
          <button type="button" data-discard disabled>
            Discard
          </button>
          <button type="button" class="primary" data-save disabled>
            Save
          </button>
        </div>
      )}
    </>
  )
}
