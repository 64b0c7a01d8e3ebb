/** What a bulk change makes of the columns of a row, as SQL: of the row `t`, and of `d`, which holds the patch. */
import { type SQL, sql } from 'drizzle-orm'
import { textArray } from '../db/parameters.ts'
import { maxCategories, maxMoney } from '../lib/fields.ts'
import { maxRecordKeys } from '../lib/validation.ts'
import type { CatalogTable } from './catalog-resource.ts'

export type FieldChange = {
  /** As a merge patch of one record: null sets a field back to its default. */
  patch?: Record<string, unknown> | undefined
  categories?: { add: string[]; remove: string[] } | undefined
  /** Records without a price keep none. */
  price?:
    | { percent?: number | undefined; amount?: number | undefined; decimals: number }
    | undefined
}

type ColumnChanges = {
  names: SQL
  /** The row that is joined as `d`. */
  given: SQL
  next: SQL
  differ: SQL
  before: SQL
  after: SQL
}

export function columnChanges(resource: CatalogTable, change: FieldChange): ColumnChanges {
  const { patch = {} } = change
  const patched = Object.keys(resource.defaults).filter((name) => patch[name] !== undefined)
  const columns = new Map<string, SQL>(patched.map((name) => [name, nextValue(name, patch[name])]))
  if (change.categories) columns.set('categories', nextCategories(change.categories))
  if (change.price) columns.set('price', nextPrice(change.price))
  const row = Object.fromEntries(
    patched.map((name) => [name, patch[name] ?? resource.defaults[name]]),
  )
  const list = (of: (name: string, next: SQL) => SQL) =>
    sql.join(
      [...columns].map(([name, next]) => of(name, next)),
      sql`, `,
    )
  const next = list((_, value) => value)
  return {
    names: list((name) => sql`${sql.identifier(name)}`),
    given: sql`jsonb_populate_record(null::${resource.table}, ${JSON.stringify(row)}::jsonb)`,
    next,
    differ: sql`(${list((name) => current(name))}) is distinct from (${next})`,
    before: sql`jsonb_build_object(${list((name) => sql`${name}::text, ${current(name)}`)})`,
    after: sql`jsonb_build_object(${list((name, value) => sql`${name}::text, ${value}`)})`,
  }
}

const current = (name: string) => sql`t.${sql.identifier(name)}`

function nextValue(name: string, value: unknown): SQL {
  if (name !== 'metadata') return sql`d.${sql.identifier(name)}`
  return value === null ? sql`'{}'::jsonb` : nextMetadata
}

const nextMetadata = sql`jsonb_strip_nulls(t.metadata || d.metadata)`

/** Those that stay keep their order; those that are new come last. */
function nextCategories({ add, remove }: { add: string[]; remove: string[] }): SQL {
  const kept = sql`array(select c.name from unnest(t.categories) with ordinality c(name, place) where c.name <> all(${textArray(remove)}) order by c.place)`
  const added = sql`array(select a.name from unnest(${textArray(add)}) with ordinality a(name, place) where a.name <> all(t.categories) order by a.place)`
  return sql`(${kept} || ${added})`
}

/** Halves are rounded away from zero. */
function nextPrice({ percent, amount, decimals }: NonNullable<FieldChange['price']>): SQL {
  const price =
    percent === undefined
      ? sql`t.price + ${amount ?? 0}::numeric`
      : sql`t.price * (1 + ${percent}::numeric / 100)`
  return sql`round(${price}, ${decimals}::int)`
}

type Limit = {
  field: string
  beyond: SQL
  found: SQL
  words: (id: string, found: string) => string
}

export function limitsOf({ patch, categories, price }: FieldChange): Limit[] {
  const limits: Limit[] = []
  if (price) {
    const found = nextPrice(price)
    limits.push({
      field: 'price',
      beyond: sql`${found} not between 0 and ${maxMoney}`,
      found,
      words: (id, cost) => `"${id}" would cost ${cost}: a price is from 0 to ${maxMoney}`,
    })
  }
  if (categories && categories.add.length > 0) {
    const found = sql`cardinality(${nextCategories(categories)})`
    limits.push({
      field: 'categories.add',
      beyond: sql`${found} > ${maxCategories}`,
      found,
      words: (id, count) =>
        `"${id}" would have ${count} categories: at most ${maxCategories} are possible`,
    })
  }
  if (patch?.metadata) {
    const found = sql`(select count(*) from jsonb_object_keys(${nextMetadata}))`
    limits.push({
      field: 'patch.metadata',
      beyond: sql`${found} > ${maxRecordKeys}`,
      found,
      words: (id, count) =>
        `"${id}" would have ${count} keys: at most ${maxRecordKeys} are possible`,
    })
  }
  return limits
}
