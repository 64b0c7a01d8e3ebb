/** Writes customers. What wins of what is said about one, a trigger decides, for REST, files and plain SQL alike. */
import { type SQL, sql } from 'drizzle-orm'
import { type Database, type Queryable, RetryTransaction, transaction } from '../db/connection.ts'
import { postgresError } from '../db/postgres-error.ts'
import { customers, ownId } from '../db/schema/customers.ts'
import { AppError, recordNotFound } from '../lib/errors.ts'
import type { Warning } from '../lib/warning.ts'
import {
  type Customer,
  type CustomerInput,
  type CustomerPatch,
  type CustomerReplacement,
  customerFields,
} from './customer-input.ts'
import { matchCustomer } from './resolve-customer.ts'
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
  if ((await matchCustomer(tx, { id: customerId, email })) !== customerId) rejectTakenEmail()
}

function rejectTakenEmail(): never {
  throw new AppError('conflict', 'The e-mail belongs to another customer.', [
    { field: 'customer.email', detail: 'is the e-mail of a customer with another id' },
  ])
}

export type ResolvedCustomer = { id: string; warnings: Warning[] }

/**
 * Finds or creates the customer within the caller's transaction and writes what the input says of them, which was
 * true at `at`: ISO 8601, now when left out. The id differs from the input's where the e-mail belongs to another customer.
 */
export async function resolveCustomer(
  tx: Queryable,
  input: CustomerInput,
  at?: string,
): Promise<ResolvedCustomer> {
  return withRetry(async () => {
    const matched = await matchCustomer(tx, input)
    const written = await upsertCustomer(tx, matched, input, at)
    if (written.created && matched !== undefined && matched !== input.id) throw new LostCustomer()
    return written
  })
}

/** The same for an import, where an e-mail of another customer is an error. */
export async function writeCustomer(
  tx: Queryable,
  input: CustomerInput,
): Promise<'created' | 'updated' | 'unchanged'> {
  return withRetry(async () => {
    const matched = await matchCustomer(tx, input)
    if (input.id !== undefined && matched !== input.id) rejectTakenEmail()
    const { created, changed } = await upsertCustomer(tx, matched, input)
    if (created) return 'created'
    return changed ? 'updated' : 'unchanged'
  })
}

/** Erased, or merged into another one, since it was found. */
class LostCustomer extends Error {}

/** Plain SQL takes no part in our locks and may insert the same customer at the same time: then the transaction runs again. */
async function withRetry<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const lost = ['customers_email', 'customers_pkey']
    const isLost =
      error instanceof LostCustomer || lost.includes(postgresError(error)?.constraint ?? '')
    if (!isLost) throw error
    throw new RetryTransaction('the customer was written concurrently', { cause: error })
  }
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

type Upserted = ResolvedCustomer & { created: boolean; changed: boolean }

/** Locks the row in any case, so that the customer cannot be erased before what is written next. */
async function upsertCustomer(
  tx: Queryable,
  customerId: string | undefined,
  { id: _, ...given }: CustomerInput,
  at?: string,
): Promise<Upserted> {
  const row = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null))
  const newId = customerId === undefined ? ownId : sql`${customerId}::text`
  const names = [sql`known_at`, ...columnsOf(row)]
  const values = [sql`coalesce(${at ?? null}::timestamptz, now())`, ...columnsOf(row, sql`r`)]
  const [saved] = await tx.execute<Upserted>(sql`
    insert into ${customers} as c (id, ${list(names)})
    select ${newId}, ${list(values)} from ${recordOf(row)}
    on conflict (id) do update set (${list(names)}) = row(${list(names.map((name) => sql`excluded.${name}`))})
    returning id, warnings, xmax = 0 as created, not exists (
      select from ${customers} before
      where before.id = c.id and ${factsOf(sql`before`)} = ${factsOf(sql`c`)}
    ) as changed`)
  if (!saved) throw new Error('the customer just written was not returned')
  return saved
}

/** What is known, without since when. */
const factsOf = (row: SQL) =>
  sql`to_jsonb(${row}) - '{known_at,field_times,warnings,updated_at}'::text[]`
