/** In charge of customers: who they are, and recognizing them by id, e-mail or telephone. */
import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import { type Database, type Queryable, RetryTransaction, transaction } from '../db/connection.ts'
import { postgresError } from '../db/postgres-error.ts'
import { customerKeys, customers, ownId } from '../db/schema/customers.ts'
import { AppError, recordNotFound } from '../lib/errors.ts'
import { id, instant, metadata, metadataRecord, optional, text } from '../lib/fields.ts'
import { matchCustomer } from './resolve-customer.ts'

/** Any text is taken as e-mail and telephone: what Klaviyo would refuse is left out when sending, and never costs an order. */
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

/** The whole of a customer, for `PUT`: what is left out is emptied. */
export const customerReplacement = z.strictObject(fields).meta({ id: 'CustomerReplacement' })
export type CustomerReplacement = z.infer<typeof customerReplacement>

/** A customer as an order or a visit names it: what is left out stays as it is known. */
export const customerInput = z
  .strictObject({ id: id.optional(), ...fields })
  .refine(
    (draft) => [draft.id, draft.email, draft.phone_number].some((known) => known?.trim()),
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

/** Makes or replaces a customer. One that says what it says already writes nothing and sends nothing. */
export function saveCustomer(
  db: Database,
  customerId: string,
  given: CustomerReplacement,
): Promise<Customer> {
  const empty = Object.fromEntries(Object.keys(fields).map((field) => [field, null]))
  return transaction(db, async (tx) => {
    const draft = { ...empty, ...given }
    await asOneTry(async () => {
      const meant = await matchCustomer(tx, { ...draft, id: customerId })
      if (meant !== customerId) refuseTakenEmail()
      await upsertCustomer(tx, customerId, draft)
    })
    return getCustomer(tx, customerId)
  })
}

function refuseTakenEmail(): never {
  throw new AppError('conflict', 'The e-mail belongs to another customer.', [
    { field: 'customer.email', detail: 'is the e-mail of a customer with another id' },
  ])
}

/**
 * Finds or makes the customer within the caller's transaction and writes what the draft says of them;
 * answers the id, which is another than the draft's where the e-mail is that of another customer.
 */
export async function resolveCustomer(tx: Queryable, draft: CustomerInput): Promise<string> {
  const { id: _, ...given } = draft
  const { id: customerId } = await asOneTry(async () =>
    upsertCustomer(tx, await matchCustomer(tx, draft), given),
  )
  return customerId
}

type WrittenCustomer = { id: string; change: 'created' | 'updated' | 'unchanged' }

/** The same for a draft that stands for itself: an e-mail of another customer is refused. */
export async function writeCustomer(tx: Queryable, draft: CustomerInput): Promise<WrittenCustomer> {
  const { id: known, ...given } = draft
  return asOneTry(async () => {
    const meant = await matchCustomer(tx, draft)
    if (known !== undefined && meant !== known) refuseTakenEmail()
    return upsertCustomer(tx, meant, given)
  })
}

/** Plain SQL takes no part in our locks and may make the same customer meanwhile. */
async function asOneTry<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const lost = ['customers_email', 'customers_pkey']
    if (!lost.includes(postgresError(error)?.constraint ?? '')) throw error
    throw new RetryTransaction('a customer was made meanwhile', { cause: error })
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
      .map(([column, value]) => [column, emptied(column, value)]),
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
  // Its row is locked in any case: nobody may erase the customer before what is written next.
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

function emptied(column: string, value: unknown): unknown {
  if (column === 'metadata') return value ?? {}
  if (typeof value !== 'string') return value
  return value.trim() || null
}
