import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import { type Database, type Queryable, RetryTransaction, transaction } from '../db/connection.ts'
import { postgresError } from '../db/postgres-error.ts'
import { customerKeys, customers, ownId } from '../db/schema/customers.ts'
import { AppError, recordNotFound } from '../lib/errors.ts'
import { id, instant, metadata, metadataRecord, optional, text } from '../lib/fields.ts'
import { matchCustomer } from './resolve-customer.ts'

/** Any text is accepted as e-mail and telephone: what Klaviyo would reject is left out when sending, so that no order fails over it. */
const fields = {
  email: optional(text(320)),
  phone_number: optional(text(64)),
  first_name: optional(text(255)),
  last_name: optional(text(255)),
  address1: optional(text(255)),
  address2: optional(text(255)),
  city: optional(text(255)),
  region: optional(text(255)),
  zip: optional(text(32)),
  country: optional(text(255)),
  metadata: optional(metadata(customerKeys)),
}

/** A whole customer, for `PUT`: fields left out are emptied. */
export const customerReplacement = z.strictObject(fields).meta({ id: 'CustomerReplacement' })
export type CustomerReplacement = z.infer<typeof customerReplacement>

/** A customer as an order or a visit names it: fields left out stay as they are. */
export const customerInput = z
  .strictObject({ id: id.optional(), ...fields })
  .refine(
    (input) => [input.id, input.email, input.phone_number].some((identifier) => identifier?.trim()),
    'needs an id, an email or a phone_number',
  )
  .meta({ id: 'CustomerInput' })
export type CustomerInput = z.infer<typeof customerInput>

export const customerRecord = z
  .strictObject({
    id: z.string(),
    email: z.string().nullable(),
    phone_number: z.string().nullable(),
    first_name: z.string().nullable(),
    last_name: z.string().nullable(),
    address1: z.string().nullable(),
    address2: z.string().nullable(),
    city: z.string().nullable(),
    region: z.string().nullable(),
    zip: z.string().nullable(),
    country: z.string().nullable(),
    metadata: metadataRecord,
    most_recent_store_id: z.string().nullable(),
    most_recent_store_at: instant.nullable(),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: 'Customer' })
export type Customer = z.infer<typeof customerRecord>

export async function getCustomer(db: Queryable, customerId: string): Promise<Customer> {
  const [row] = await db.execute<{ record: Customer }>(
    sql`select row_to_json(c) as record from ${customers} c where id = ${customerId}`,
  )
  return row?.record ?? recordNotFound('customer', customerId)
}

/** Creates or replaces a customer. When nothing changes, nothing is written and nothing is sent. */
export function saveCustomer(
  db: Database,
  customerId: string,
  given: CustomerReplacement,
): Promise<Customer> {
  const empty = Object.fromEntries(Object.keys(fields).map((field) => [field, null]))
  return transaction(db, async (tx) => {
    const input = { ...empty, ...given }
    await withRetry(async () => {
      const matched = await matchCustomer(tx, { ...input, id: customerId })
      if (matched !== customerId) rejectTakenEmail()
      await upsertCustomer(tx, customerId, input)
    })
    return getCustomer(tx, customerId)
  })
}

function rejectTakenEmail(): never {
  throw new AppError('conflict', 'The e-mail belongs to another customer.', [
    { field: 'customer.email', detail: 'is the e-mail of a customer with another id' },
  ])
}

/**
 * Finds or creates the customer within the caller's transaction and writes the fields of the input.
 * Returns the id, which differs from the input's where the e-mail belongs to another customer.
 */
export async function resolveCustomer(tx: Queryable, input: CustomerInput): Promise<string> {
  const { id: _, ...given } = input
  const { id: customerId } = await withRetry(async () =>
    upsertCustomer(tx, await matchCustomer(tx, input), given),
  )
  return customerId
}

type WrittenCustomer = { id: string; change: 'created' | 'updated' | 'unchanged' }

/** The same for an import, where an e-mail of another customer is an error. */
export async function writeCustomer(tx: Queryable, input: CustomerInput): Promise<WrittenCustomer> {
  const { id: givenId, ...given } = input
  return withRetry(async () => {
    const matched = await matchCustomer(tx, input)
    if (givenId !== undefined && matched !== givenId) rejectTakenEmail()
    return upsertCustomer(tx, matched, given)
  })
}

/** Plain SQL takes no part in our locks and may insert the same customer at the same time: then the transaction runs again. */
async function withRetry<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const lost = ['customers_email', 'customers_pkey']
    if (!lost.includes(postgresError(error)?.constraint ?? '')) throw error
    throw new RetryTransaction('the customer was inserted concurrently', { cause: error })
  }
}

async function upsertCustomer(
  tx: Queryable,
  customerId: string | undefined,
  given: Omit<CustomerInput, 'id'>,
): Promise<WrittenCustomer> {
  const row = Object.fromEntries(
    Object.entries(given)
      .filter(([, value]) => value !== undefined)
      .map(([column, value]) => [column, toColumnValue(column, value)]),
  )
  const columns = Object.keys(row).map((column) => sql.identifier(column))
  const list = (prefix: SQL) =>
    sql.join(
      columns.map((column) => sql`${prefix}${column}`),
      sql`, `,
    )
  const names = sql.join([sql`id`, ...columns], sql`, `)
  const newId = customerId === undefined ? ownId : sql`${customerId}::text`
  const values = columns.length > 0 ? sql`, ${list(sql`r.`)}` : sql``
  // Locks the row in any case, so that the customer cannot be erased before what is written next.
  const change =
    columns.length > 0
      ? sql`do update set (${list(sql``)}) = row(${list(sql`excluded.`)})
          where (${list(sql`c.`)}) is distinct from (${list(sql`excluded.`)})`
      : sql`do update set updated_at = c.updated_at where false`
  const [saved] = await tx.execute<{ id: string; created: boolean }>(sql`
    insert into ${customers} as c (${names})
    select ${newId}${values} from jsonb_populate_record(null::${customers}, ${JSON.stringify(row)}::jsonb) r
    on conflict (id) ${change} returning id, xmax = 0 as created`)
  if (!saved) return { id: customerId ?? '', change: 'unchanged' }
  return { id: saved.id, change: saved.created ? 'created' : 'updated' }
}

function toColumnValue(column: string, value: unknown): unknown {
  if (column === 'metadata') return value ?? {}
  if (typeof value !== 'string') return value
  return value.trim() || null
}
