/** Makes settled messages pending again. */
import { sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { textArray } from '../db/parameters.ts'
import { orders } from '../db/schema/orders.ts'
import { outbox, outboxRequeues, outboxSettings } from '../db/schema/outbox.ts'
import { withoutContent } from './retention.ts'

/** As a new message: retention only empties what is settled. */
export const asPending = {
  status: 'pending',
  next_at: sql`now()`,
  settled_at: null,
  attempts: 0,
  ...withoutContent,
} as const

/** Writes messages of amendments that the first event of their order was sent without. */
export async function enqueueAmended(db: Queryable): Promise<void> {
  await db.execute(sql`select outbox_enqueue_amended()`)
}

/**
 * Requeues what could not be sent for want of an email or phone number, where triggers recorded that
 * there is one now. What is old by now is history: no flow shall greet a buyer of last month.
 * To be called under the queue's lock: then no other sender can settle the same message as unsendable once more.
 */
export async function requeueUnsendable(tx: Queryable): Promise<void> {
  const requeues = await tx.delete(outboxRequeues).returning()
  if (requeues.length === 0) return
  const customers = textArray(requeues.map(({ customer_id }) => customer_id))
  await tx
    .update(outbox)
    .set({
      ...asPending,
      backfill: sql`backfill or occurred_at < now() - (select backfill_after from ${outboxSettings})`,
    })
    .where(
      sql`status = 'unsendable' and order_id in (select id from ${orders} where customer_id = any(${customers}))`,
    )
}
