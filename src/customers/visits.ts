import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { assertStoreExists } from '../catalog/assert-store-exists.ts'
import { type Database, type Queryable, transaction } from '../db/connection.ts'
import { visits } from '../db/schema/customers.ts'
import { eventTime, id, instant } from '../lib/fields.ts'
import { type Warning, warningRecord } from '../lib/warning.ts'
import { customerInput } from './customer-input.ts'
import { resolveCustomer } from './customers.ts'

/** A customer was in a store, whether or not anything was bought. */
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
    warnings: z.array(warningRecord).meta({
      description: 'What was left out of what the visit says of its customer',
    }),
  })
  .meta({ id: 'Visit' })
export type Visit = z.infer<typeof visitRecord>

/** The same customer, store and time again is the same visit: nothing is written, nothing is sent. */
export function recordVisit(
  db: Database,
  input: VisitInput,
): Promise<{ visit: Visit; created: boolean }> {
  return transaction(db, async (tx) => {
    const { customerId, warnings, created } = await writeVisit(tx, input)
    const at = visitTime(input)
    const [row] = await tx.execute<{ record: Omit<Visit, 'warnings'> }>(sql`
      select row_to_json(v) as record from ${visits} v
      where customer_id = ${customerId} and store_id = ${input.store_id} and at = ${at}::timestamptz(3)`)
    if (!row) throw new Error('the visit just recorded was not found')
    return { visit: { ...row.record, warnings }, created }
  })
}

/** now() is the start of the transaction: the same in both statements. */
const visitTime = ({ at }: VisitInput) => sql`coalesce(${at ?? null}::timestamptz, now())`

/** Part of the caller's transaction. */
export async function writeVisit(
  tx: Queryable,
  input: VisitInput,
): Promise<{ customerId: string; warnings: Warning[]; created: boolean }> {
  await assertStoreExists(tx, input.store_id)
  const { id: customerId, warnings } = await resolveCustomer(tx, input.customer, input.at)
  const inserted = await tx.execute(sql`
      insert into ${visits} (customer_id, store_id, at) values (${customerId}, ${input.store_id}, ${visitTime(input)})
      on conflict do nothing returning id`)
  return { customerId, warnings, created: inserted.length > 0 }
}
