/** What is said of a field of a product or store besides its column: what comes in, what is answered, and how the feed shows it. */
import { getTableColumns, type InferSelectModel } from 'drizzle-orm'
import type { PgTable } from 'drizzle-orm/pg-core'
import type { z } from 'zod'
import type { FeedKey, ManagedColumn } from '../db/schema/catalog.ts'

/**
 * `text` and `number`: the feed has the field under its own name, a missing text as `n/a`, a missing
 * number not at all. `custom`: the feed reads the field and has code of its own for it.
 */
type FeedMapping = 'text' | 'number' | 'custom'

type Field<Value> = { input: z.ZodType; record: z.ZodType<Value> }

/** One of each column, in the order in which records show them; those whose name is a key of the feed must say how it gets there. */
export type FieldsOf<Table extends PgTable, Row = InferSelectModel<Table>> = {
  [Name in Exclude<keyof Row, 'id' | ManagedColumn>]: Field<Row[Name]> &
    (Name extends FeedKey<Table> ? { feed: FeedMapping } : { feed?: 'custom' })
}

export type CatalogFields = Record<string, Field<unknown> & { feed?: FeedMapping }>

/** The input or the record schemas, for a zod object. The cast: Object.fromEntries forgets that each name keeps its own field. */
export function shapeOf<Fields extends CatalogFields, Part extends 'input' | 'record'>(
  fields: Fields,
  part: Part,
) {
  const schemas = Object.entries(fields).map(([name, field]) => [name, field[part]])
  return Object.fromEntries(schemas) as { [Name in keyof Fields]: Fields[Name][Part] }
}

/** What each column holds when the input leaves its field out. */
export function defaultsOf(table: PgTable, fields: CatalogFields): Record<string, unknown> {
  const columns = getTableColumns(table)
  return Object.fromEntries(
    Object.keys(fields).map((name) => [name, columns[name]?.default ?? null]),
  )
}
