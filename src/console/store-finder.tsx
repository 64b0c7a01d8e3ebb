/** Which stores a page offers to choose from: the first thousand by title, or of those that are searched. */
import { type Api, read } from './api.ts'
import { count } from './count.ts'
import { FilterInput, type Filters, withQuery } from './filters.tsx'
import { type StoreOption, storePage } from './records.ts'

/** `matching` counts those too that are beyond the thousand. */
export type StoreChoice = { stores: StoreOption[]; matching: number; given: Filters }

export const noStores: StoreChoice = { stores: [], matching: 0, given: {} }

export async function readStores(api: Api, given: Filters = {}): Promise<StoreChoice> {
  const query = { limit: '1000', sort: 'title', count: 'true', ...given }
  const { stores, count: matching } = await read(api, withQuery('/v1/stores', query), storePage)
  return { stores, matching, given }
}

/** Only where not all stores are shown; part of a form, which is sent with the step `stores`. */
export function StoreFinder({ stores, matching, given }: StoreChoice) {
  if (matching <= stores.length && Object.keys(given).length === 0) return null
  return (
    <div class="finder">
      <p class="soft">
        {matching > stores.length
          ? `The first ${stores.length.toLocaleString('en')} of ${count(matching, 'store')} are shown. Find the others by name, city or region.`
          : `${count(matching, 'store')} found.`}
      </p>
      <FilterInput
        name="stores_q"
        value={given.q}
        placeholder="Name or city"
        label="Name or city of the stores"
      />
      <FilterInput
        name="stores_region"
        value={given.region}
        placeholder="Region"
        label="Region of the stores"
        suggest="stores.region"
      />
      <button type="submit" name="step" value="stores">
        Find
      </button>
    </div>
  )
}
