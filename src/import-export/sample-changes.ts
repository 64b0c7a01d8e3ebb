/** What an import changes, shown by the first records: what they were, and what they become. */
import { type SQL, sql } from 'drizzle-orm'
import type { CatalogTable } from '../catalog/catalog-resource.ts'
import { productResource } from '../catalog/products.ts'
import { storeResource } from '../catalog/stores.ts'
import { customerFields } from '../customers/customer-input.ts'
import type { Queryable } from '../db/connection.ts'
import { textArray } from '../db/parameters.ts'
import { customers } from '../db/schema/customers.ts'
import { orders } from '../db/schema/orders.ts'
import type { WriteInputs } from './import-batch.ts'
import type { ImportKind } from './import-kinds.ts'

type Fields = Record<string, unknown>

/** Only the fields that differ. `before` is null for a new record. */
export type RecordChange = { id: string; before: Fields | null; after: Fields }

/** Wraps the writing of a batch. */
export type Observe = <T>(write: WriteInputs<T>) => WriteInputs<T>

const maxChanges = 50
const maxTextShown = 300

/** A new record is shown without the fields that it has by default. */
type Target = { table: SQL; fields: string[]; defaults?: Fields }

const targets: Partial<Record<ImportKind['name'], Target>> = {
  products: targetOf(productResource),
  stores: targetOf(storeResource),
  customers: { table: sql`${customers}`, fields: Object.keys(customerFields) },
  orders: {
    table: sql`${orders}`,
    fields: [
      'store_id',
      'placed_at',
      'currency',
      'total',
      'discount_code',
      'discount_value',
      'metadata',
    ],
  },
}

function targetOf({ table, defaults }: CatalogTable): Target {
  return { table: sql`${table}`, fields: Object.keys(defaults), defaults }
}

/** Records that have no id of their own are counted only. */
export function sampleChanges(kind: ImportKind['name']): {
  observe: Observe
  changes: () => RecordChange[]
} {
  const target = targets[kind]
  const found = new Map<string, RecordChange>()
  const observe: Observe = (write) => async (tx, inputs) => {
    if (!target || found.size >= maxChanges) return write(tx, inputs)
    const ids = inputs.flatMap(idOf)
    const before = await readRecords(tx, target, ids)
    const result = await write(tx, inputs)
    const after = await readRecords(tx, target, ids)
    for (const [id, record] of after) {
      const change = changeOf(id, before.get(id), record, target.defaults)
      if (change && found.size < maxChanges) found.set(id, change)
    }
    return result
  }
  return { observe, changes: () => [...found.values()] }
}

function idOf(input: unknown): string[] {
  const isNamed = typeof input === 'object' && input !== null && 'id' in input
  return isNamed && typeof input.id === 'string' ? [input.id] : []
}

async function readRecords(
  tx: Queryable,
  { table, fields }: Target,
  ids: string[],
): Promise<Map<string, Fields>> {
  const columns = sql.join(
    fields.map((field) => sql.identifier(field)),
    sql`, `,
  )
  const rows = await tx.execute<{ id: string; record: Fields }>(sql`
    select t.id, (select row_to_json(r) from (select ${columns}) r) as record
    from ${table} t where t.id = any(${textArray(ids)}) order by t.id`)
  return new Map(rows.map(({ id, record }) => [id, record]))
}

function changeOf(
  id: string,
  before: Fields | undefined,
  after: Fields,
  defaults: Fields = {},
): RecordChange | null {
  if (!before) return { id, before: null, after: shown(after, Object.keys(after).filter(isSaid)) }
  const differing = Object.keys(after).filter(
    (field) => JSON.stringify(after[field]) !== JSON.stringify(before[field]),
  )
  if (differing.length === 0) return null
  return { id, before: shown(before, differing), after: shown(after, differing) }

  function isSaid(field: string): boolean {
    const text = JSON.stringify(after[field])
    return !['null', '{}', '[]', JSON.stringify(defaults[field])].includes(text)
  }
}

const shown = (record: Fields, fields: string[]): Fields =>
  Object.fromEntries(fields.map((field) => [field, shorten(record[field])]))

function shorten(value: unknown): unknown {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length <= maxTextShown ? value : `${text.slice(0, maxTextShown)}…`
}
