/** In charge of erasing a person: their trade stays, and nothing in it tells whose it was. */
import { sql } from 'drizzle-orm'
import { type Database, type Queryable, transaction } from '../db/connect.ts'
import { customers, ownIdPrefix } from '../db/schema/customers.ts'
import { orders, orderUpdates } from '../db/schema/orders.ts'
import { outbox, outboxWakes } from '../db/schema/outbox.ts'
import { textArray } from '../db/text-array.ts'
import { unknownRecord } from './catalog-reads.ts'

type Contact = { email: string | null; phone_number: string | null }

/**
 * All or nothing. The customer's row is locked first: a write of an order or a visit that has named them
 * is waited for and erased too, and a later one begins with a new customer. Messages that a sender has in
 * hands are waited for as well, so what it has read of the person is emptied after it; no other is sent.
 */
export function eraseCustomer(db: Database, customerId: string): Promise<void> {
  return transaction(db, async (tx) => {
    const contact = await lockCustomer(tx, customerId)
    const rows = await tx.execute<{ id: string }>(
      sql`select id from ${orders} where customer_id = ${customerId} order by id for update`,
    )
    const orderIds = textArray(rows.map(({ id }) => id))
    await tx.execute(sql`delete from ${customers} where id = ${customerId}`)
    await tx.execute(sql`
      update ${orders} set billing_address = null, shipping_address = null, metadata = '{}'
      where id = any(${orderIds})`)
    await tx.execute(sql`
      update ${orderUpdates} set reason = null, tracking_number = null where order_id = any(${orderIds})`)
    await tx.execute(sql`delete from ${outboxWakes} where customer_id = ${customerId}`)
    await tx.execute(sql`
      update ${outbox} set payload = null, warnings = '{}',
        error = case when status <> 'sent' then 'The customer was erased.' end,
        status = case when status = 'sent' then 'sent' else 'discarded' end,
        settled_at = coalesce(settled_at, now())
      where order_id = any(${orderIds})`)
    await tx.execute(sql`delete from ${outbox} where customer_id = ${customerId}`)
    await removeOrphans(tx, contact)
  })
}

async function lockCustomer(tx: Queryable, customerId: string): Promise<Contact> {
  const [row] = await tx.execute<Contact>(
    sql`select email, phone_number from ${customers} where id = ${customerId} for update`,
  )
  return row ?? unknownRecord('customer', customerId)
}

/** What was under way under an id of storefeed's own when the merchant's took its place. */
async function removeOrphans(tx: Queryable, { email, phone_number }: Contact): Promise<void> {
  const told = [email, phone_number].filter((contact) => contact !== null)
  await tx.execute(sql`
    delete from ${outbox} o where o.customer_id >= ${ownIdPrefix} and starts_with(o.customer_id, ${ownIdPrefix})
      and not exists (select from ${customers} c where c.id = o.customer_id)
      and exists (select from unnest(${textArray(told)}) as t(contact) where strpos(lower(o.payload::text), lower(t.contact)) > 0)`)
}
