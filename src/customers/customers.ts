/** Writes customers. What wins of what is said about one, a trigger decides, for REST, files and plain SQL alike. */
import { type SQL, sql } from 'drizzle-orm'
import { type Database, type Queryable, transaction } from '../db/connection.ts'
import { customers } from '../db/schema/customers.ts'
import { recordNotFound } from '../lib/errors.ts'
import { type CustomerPatch, type CustomerReplacement, customerFields } from './customer-input.ts'
import type { Customer } from './customer-schemas.ts'
import { LostCustomer, takenEmail, withRetry } from './record-customers.ts'
import { matchCustomers } from './resolve-customer.ts'
import { said } from './said.ts'

export async function getCustomer(db: Queryable, customerId: string): Promise<Customer> {
  const [row] = await db.execute<{ record: Customer }>(
    sql`select to_jsonb(c) - 'field_times' as record from ${customers} c where id = ${customerId}`,
  )
  return row?.record ?? recordNotFound('customer', customerId)
}

const emptyRow: Row = {
  ...Object.fromEntries(Object.keys(customerFields).map((field) => [field, null])),
  metadata: {},
}

/** Creates or replaces a customer. When nothing changes, nothing is sent. */
export function saveCustomer(
  db: Database,
  customerId: string,
  given: CustomerReplacement,
): Promise<Customer> {
  const row = { ...emptyRow, ...toRow(given), metadata: given.metadata ?? {} }
  return transaction(db, async (tx) => {
    await withRetry(async () => {
      await assertEmailFree(tx, customerId, given.email)
      if (await insertCustomer(tx, customerId, row)) return
      const found = await updateCustomer(tx, customerId, row, { whole: true })
      if (!found) throw new LostCustomer()
    })
    return getCustomer(tx, customerId)
  })
}

/** Changes the fields that are given; null empties one. */
export function patchCustomer(
  db: Database,
  customerId: string,
  given: CustomerPatch,
): Promise<Customer> {
  return transaction(db, async (tx) => {
    await withRetry(async () => {
      await assertEmailFree(tx, customerId, given.email)
      await updateCustomer(tx, customerId, toRow(given), { whole: false })
    })
    return getCustomer(tx, customerId)
  })
}

async function assertEmailFree(
  tx: Queryable,
  customerId: string,
  email: string | null | undefined,
): Promise<void> {
  const [matched] = await matchCustomers(tx, [{ id: customerId, email }])
  if (matched !== customerId) throw takenEmail()
}

type Row = Record<string, unknown>

/** As the columns hold it, without what is undefined. */
function toRow(given: CustomerPatch): Row {
  const entries = Object.entries(given).filter(([, value]) => value !== undefined)
  return Object.fromEntries(
    entries.map(([column, value]) => [column, typeof value === 'string' ? said(value) : value]),
  )
}

const recordOf = (row: Row) =>
  sql`jsonb_populate_record(null::${customers}, ${JSON.stringify(row)}::jsonb) r`

const columnsOf = (row: Row, alias?: SQL) => {
  const columns = Object.keys(row).map((column) => sql.identifier(column))
  return columns.map((column) => (alias ? sql`${alias}.${column}` : sql`${column}`))
}

const list = (parts: SQL[]) => sql.join(parts, sql`, `)

/** Returns whether there was none. */
async function insertCustomer(tx: Queryable, customerId: string, row: Row): Promise<boolean> {
  const inserted = await tx.execute(sql`
    insert into ${customers} (id, ${list(columnsOf(row))})
    select ${customerId}, ${list(columnsOf(row, sql`r`))} from ${recordOf(row)}
    on conflict (id) do nothing returning id`)
  return inserted.length > 0
}

/** Null empties. What changes is true from now on; with `whole`, so is what stays the same. Returns whether there is one. */
async function updateCustomer(
  tx: Queryable,
  customerId: string,
  row: Row,
  { whole }: { whole: boolean },
): Promise<boolean> {
  const { metadata, ...texts } = row
  const changes = Object.keys(texts).map((column) => {
    const name = sql.identifier(column)
    return sql`${name} = r.${name}`
  })
  if (metadata !== undefined) changes.push(whole ? replacedMetadata : patchedMetadata)
  if (whole) changes.push(sql`known_at = now()`)
  if (changes.length === 0) changes.push(sql`known_at = c.known_at`)
  const updated = await tx.execute(sql`
    update ${customers} c set ${list(changes)} from ${recordOf(row)} where c.id = ${customerId}
    returning c.id`)
  return updated.length > 0
}

const replacedMetadata = sql`metadata = r.metadata`
const patchedMetadata = sql`metadata = coalesce(jsonb_strip_nulls(c.metadata || r.metadata), '{}')`
