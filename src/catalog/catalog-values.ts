/** The values that a field of the catalog has, as suggestions for inputs. */
import { sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import type { CatalogTable } from './catalog-resource.ts'
import { productResource } from './products.ts'
import { storeResource } from './stores.ts'

export const suggestedFields = {
  products: ['categories', 'brand'],
  stores: ['categories', 'city', 'region', 'country', 'country_code'],
} as const

export type CatalogValue = { value: string; count: number }
/** At any time holds values that are at most a minute old. */
export type ListValues = (of: 'products' | 'stores', field: string) => Promise<CatalogValue[]>

const resources: Record<'products' | 'stores', CatalogTable> = {
  products: productResource,
  stores: storeResource,
}

const keptMs = 60_000
/** Of a field with more, those that most records have. */
const maxValues = 10_000

/** Reading the categories of 100,000 products takes 20 times as long as answering from memory. */
export function cachedValues(db: Queryable): ListValues {
  const cache = new Map<string, { readAt: number; values: Promise<CatalogValue[]> }>()
  return (of, field) => {
    const key = `${of}.${field}`
    const found = cache.get(key)
    if (found && performance.now() - found.readAt < keptMs) return found.values
    const values = readValues(db, resources[of], field)
    cache.set(key, { readAt: performance.now(), values })
    values.catch(() => cache.delete(key))
    return values
  }
}

/** The most frequent first. */
function readValues(
  db: Queryable,
  { table }: CatalogTable,
  field: string,
): Promise<CatalogValue[]> {
  const column = sql`t.${sql.identifier(field)}`
  const values = field === 'categories' ? sql`unnest(${column})` : column
  return db.execute<CatalogValue>(sql`
    select v.value, count(*)::int as count from (select ${values} as value from ${table} t) v
    where v.value <> '' group by 1 order by 2 desc, 1 limit ${maxValues}`)
}

/** Those that hold `q`, in any case; those that begin with it come first. */
export function suggest(values: CatalogValue[], q: string, limit: number): CatalogValue[] {
  const wanted = q.toLowerCase()
  const places = values.map((one) => ({ one, place: one.value.toLowerCase().indexOf(wanted) }))
  const first = places.filter(({ place }) => place === 0)
  const others = places.filter(({ place }) => place > 0)
  return [...first, ...others].slice(0, limit).map(({ one }) => one)
}
