import type { Child } from 'hono/jsx'
import { labelOf } from './changes.ts'
import type { Field, Kind } from './kinds.ts'
import { Facts, PageTitle, ReadOnlyHint, Table, Time } from './parts.tsx'
import { Picture } from './picture.tsx'
import { FieldInput } from './record-field.tsx'
import type { Submitted, Texts } from './record-form.ts'
import { type CatalogRecord, pathOf, webAddress } from './records.ts'
import { StoreBoxes } from './store-boxes.tsx'
import type { StoreChoice } from './store-finder.tsx'

export type RecordView = {
  kind: Kind
  /** Null: a new one. */
  record: CatalogRecord | null
  etag: string
  id?: string
  texts: Texts
  was: Texts
  choice: StoreChoice
  mayWrite: boolean
  sells?: Submitted['sells']
  errors?: { field: string; detail: string }[] | undefined
  problem?: string | undefined
  conflicts?: Field[]
  /** The changes that were just saved, joined by dots. */
  saved?: string | undefined
}

export function RecordForm(view: RecordView) {
  const { kind, record, mayWrite, conflicts = [] } = view
  return (
    <>
      <PageTitle
        title={record?.title ?? `New ${kind.name}`}
        back={[`/console/${kind.plural}`, kind.label]}
        hint={mayWrite ? undefined : <ReadOnlyHint />}
      >
        {record && mayWrite && <RemoveForm kind={kind} record={record} />}
      </PageTitle>
      {view.saved !== undefined && (
        <p data-toast={`Saved ${record?.title}`} data-undo={view.saved} class="hidden" />
      )}
      {view.problem && (
        <p class="block alert error" role="alert">
          {problemOf(view)}
        </p>
      )}
      <div class="columns">
        <form
          method="post"
          action={record ? pathOf(kind, record.id) : `/console/new/${kind.plural}`}
          data-form
        >
          <input type="hidden" name="etag" value={view.etag} />
          <input type="hidden" name="was" value={JSON.stringify(view.was)} />
          {conflicts.length > 0 && <Conflicts {...view} conflicts={conflicts} />}
          {kind.groups.map(({ title, fields }, index) => (
            <fieldset class="block" disabled={!mayWrite}>
              <legend>{title}</legend>
              <div class="fields">
                {index === 0 && record === null && <IdInput {...view} />}
                {fields.map((field) => (
                  <FieldInput
                    field={field}
                    texts={view.texts}
                    errors={view.errors}
                    suggest={field.suggests ? `${kind.plural}.${field.name}` : undefined}
                  />
                ))}
              </div>
            </fieldset>
          ))}
          {record && kind.name === 'product' && <SoldIn {...view} record={record} />}
          {mayWrite && (
            <div class="save">
              <span class="soft">Ctrl+S saves</span>
              <a class="button" href={record ? pathOf(kind, record.id) : `/console/${kind.plural}`}>
                Discard
              </a>
              <button class="primary" type="submit">
                {record ? 'Save' : `Create ${kind.name}`}
              </button>
            </div>
          )}
        </form>
        {record && <Aside {...view} record={record} />}
      </div>
    </>
  )
}

/** The fields are named as the form names them. */
function problemOf({ problem, errors = [] }: RecordView): string | undefined {
  if (errors.length === 0) return problem
  const labels = new Set(errors.map(({ field }) => labelOf(field)))
  return `Nothing was saved. Look at: ${[...labels].join(', ')}.`
}

function RemoveForm({ kind, record }: { kind: Kind; record: CatalogRecord }) {
  return (
    <form
      method="post"
      action={`${pathOf(kind, record.id)}/remove`}
      data-confirm={`Remove "${record.title}"? It leaves the feed, and its links with it. Changes can bring it back for 90 days.`}
    >
      <button class="danger" type="submit">
        Remove
      </button>
    </form>
  )
}

function IdInput({ id, errors = [], kind }: RecordView) {
  const error = errors.find(({ field }) => field === 'id')?.detail
  return (
    <div class="field first">
      <label for="f-id">Id</label>
      <input
        id="f-id"
        name="id"
        required
        maxlength={255}
        value={id}
        aria-invalid={error ? 'true' : undefined}
        aria-describedby="h-id"
      />
      <p class={error ? 'error' : 'hint'} id="h-id">
        {error ?? `Your own key of the ${kind.name}. It cannot be changed later.`}
      </p>
    </div>
  )
}

type WithConflicts = RecordView & { conflicts: Field[] }

function Conflicts({ conflicts, texts, was }: WithConflicts) {
  return (
    <section class="block conflict" role="alert" aria-labelledby="conflict">
      <h2 id="conflict">Changed since you opened it</h2>
      <p>
        Somebody else saved other values. Below stands yours; saving writes it. Copy theirs to keep
        it.
      </p>
      <Table
        label="Fields in conflict"
        rows={conflicts}
        columns={[
          { label: 'Field', cell: ({ label }) => label },
          {
            label: 'Now',
            cell: ({ name }) => (
              <>
                {was[name] || '(empty)'}
                <button type="button" data-take={name} data-theirs={was[name]}>
                  Keep theirs
                </button>
              </>
            ),
          },
          { label: 'Yours', cell: ({ name }) => texts[name] || '(empty)' },
        ]}
      />
    </section>
  )
}

function SoldIn({ record, choice, sells, mayWrite }: RecordView & { record: CatalogRecord }) {
  const { stores, matching } = choice
  const was = new Set(record.store_ids)
  const isTicked = (id: string) =>
    sells?.add.includes(id) || (was.has(id) && !sells?.remove.includes(id))
  const shown = stores.filter(({ id }) => was.has(id)).map(({ id }) => id)
  return (
    <fieldset class="block" disabled={!mayWrite}>
      <legend>{`Sold in ${was.size} of ${matching.toLocaleString('en')} stores`}</legend>
      <input type="hidden" name="sold_was" value={shown.join(',')} />
      {stores.length === 0 && <p class="soft">There is no store yet.</p>}
      {matching > stores.length && (
        <p class="soft">
          {`The first ${stores.length.toLocaleString('en')} stores are shown. The others are in `}
          <a href={`/console/availability?${new URLSearchParams({ q: record.id })}`}>
            Availability
          </a>
          .
        </p>
      )}
      <StoreBoxes stores={stores} isTicked={({ id }) => isTicked(id)} />
    </fieldset>
  )
}

function Aside({ kind, record, mayWrite }: RecordView & { record: CatalogRecord }) {
  return (
    <aside class="block">
      <h2>As Klaviyo sees it</h2>
      <Picture address={record.image_link} title={record.title} large />
      <Facts facts={factsOf(kind, record)} />
      {kind.name === 'store' && mayWrite && <CopyButton store={record} />}
      <div class="preview" hx-get={`${pathOf(kind, record.id)}/preview`} hx-trigger="load">
        <p>
          <a class="button" href={`${pathOf(kind, record.id)}/preview`}>
            Its item of the feed
          </a>
        </p>
      </div>
    </aside>
  )
}

/** What another store sells is sold here too. */
function CopyButton({ store }: { store: CatalogRecord }) {
  return (
    <>
      <button
        type="button"
        class="wide-button"
        hx-post="/console/bulk/stores/copy"
        hx-vals={JSON.stringify({ ids: store.id })}
        hx-target="#bulk"
      >
        Sell here what another store sells
      </button>
      <dialog id="bulk" aria-labelledby="bulk-title" />
    </>
  )
}

function factsOf(kind: Kind, record: CatalogRecord): [string, Child][] {
  const link = webAddress(record.link)
  const facts: [string, Child][] = [['Id', record.id]]
  if (link) {
    const opened = (
      <a href={link} rel="noreferrer">
        Open the page
      </a>
    )
    facts.push(['Link', opened])
  }
  if (kind.name === 'store') {
    const sold = (
      <a href={`/console/products?${new URLSearchParams({ store_id: record.id })}`}>
        {`${record.product_ids?.length ?? 0} products`}
      </a>
    )
    facts.push(['Sells', sold])
  }
  facts.push(['Changed', <Time at={record.updated_at} />])
  return facts
}
