/** Makes settled messages pending again. */
import { sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
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
  const requeued = tx.$with('requeued').as(tx.delete(outboxRequeues).returning())
  const customers = sql`array(select customer_id from ${requeued})`
  const theirs = sql`order_id = any(array(select id from ${orders} where customer_id = any(${customers})))`
  const backfill = sql`backfill or occurred_at < now() - (select backfill_after from ${outboxSettings})`
  const change = { ...asPending, backfill }
  await tx.execute(
    tx.with(requeued).update(outbox).set(change).where(sql`status = 'unsendable' and ${theirs}`),
  )
}
