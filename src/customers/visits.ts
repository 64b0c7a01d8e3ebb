/** In charge of visits: that a customer was in a store, whether or not anything was bought. */
import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { assertStoreExists } from '../catalog/assert-store-exists.ts'
import { type Database, type Queryable, transaction } from '../db/connection.ts'
import { visits } from '../db/schema/customers.ts'
import { eventTime, id, instant } from '../lib/fields.ts'
import { customerInput, resolveCustomer } from './customers.ts'

export const visitInput = z
  .strictObject({
    customer: customerInput,
    store_id: id,
    at: eventTime.optional().meta({ description: 'Now, when left out' }),
  })
  .meta({ id: 'VisitInput' })
export type VisitInput = z.infer<typeof visitInput>

export const visitRecord = z
  .strictObject({
    id: z.int(),
    customer_id: z.string(),
    store_id: z.string(),
    at: instant,
    created_at: instant,
  })
  .meta({ id: 'Visit' })
export type Visit = z.infer<typeof visitRecord>

/** The same customer, store and time again is the same visit: nothing is written, nothing is sent. */
export function recordVisit(
  db: Database,
  draft: VisitInput,
): Promise<{ visit: Visit; created: boolean }> {
  return transaction(db, async (tx) => {
    const { customerId, created } = await writeVisit(tx, draft)
    const at = momentOf(draft)
    const [row] = await tx.execute<{ record: Visit }>(sql`
      select row_to_json(v) as record from ${visits} v
      where customer_id = ${customerId} and store_id = ${draft.store_id} and at = ${at}::timestamptz(3)`)
    if (!row) throw new Error('a visit just recorded was not found')
    return { visit: row.record, created }
  })
}

/** Now is the beginning of the transaction, so it is the same whenever it is asked. */
const momentOf = ({ at }: VisitInput) => sql`coalesce(${at ?? null}::timestamptz, now())`

/** Part of the caller's transaction. */
export async function writeVisit(
  tx: Queryable,
  draft: VisitInput,
): Promise<{ customerId: string; created: boolean }> {
  await assertStoreExists(tx, draft.store_id)
  const customerId = await resolveCustomer(tx, draft.customer)
  const made = await tx.execute(sql`
      insert into ${visits} (customer_id, store_id, at) values (${customerId}, ${draft.store_id}, ${momentOf(draft)})
      on conflict do nothing returning id`)
  return { customerId, created: made.length > 0 }
}
