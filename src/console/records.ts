import { z } from 'zod'
import type { Kind } from './kinds.ts'

/** A product or a store, as the pages need it; the fields themselves are named by its kind. */
export const catalogRecord = z.looseObject({
  id: z.string(),
  title: z.string(),
  image_link: z.string().nullable(),
  published: z.boolean(),
  updated_at: z.string(),
  store_ids: z.array(z.string()).optional(),
  product_ids: z.array(z.string()).optional(),
})
export type CatalogRecord = z.infer<typeof catalogRecord>

const storeOption = catalogRecord.extend({
  location: z.string().nullable(),
  region: z.string().nullable(),
  country: z.string().nullable(),
})
export type StoreOption = z.infer<typeof storeOption>

export const catalogPage = z.object({
  products: z.array(catalogRecord).optional(),
  stores: z.array(catalogRecord).optional(),
  next_cursor: z.string().nullable(),
  count: z.number().default(0),
  etags: z.record(z.string(), z.string()).default({}),
})

export const storePage = z.object({
  stores: z.array(storeOption),
  next_cursor: z.string().nullable(),
  count: z.number().default(0),
})

/** In the order of their regions; those without one come last. */
export function byRegion<T extends Pick<StoreOption, 'region' | 'country'>>(
  stores: readonly T[],
): [string, T[]][] {
  const groups = new Map<string, T[]>()
  for (const store of stores) {
    const name = store.region ?? store.country ?? ''
    groups.set(name, [...(groups.get(name) ?? []), store])
  }
  const named = [...groups].sort(
    ([one], [other]) => Number(one === '') - Number(other === '') || one.localeCompare(other),
  )
  return named.map(([name, group]) => [name === '' ? 'No region' : name, group])
}

export const pathOf = ({ plural }: Kind, id: string) =>
  `/console/${plural}/${encodeURIComponent(id)}`

/** Only http(s) becomes a link or a picture. */
export const webAddress = (address: unknown): string | undefined =>
  typeof address === 'string' && /^https?:\/\//i.test(address) && URL.canParse(address)
    ? address
    : undefined
