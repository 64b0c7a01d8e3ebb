/** In charge of whom a draft means: a person is found by id, e-mail or telephone, and one known by two ids becomes one. */
import { sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { customers, ownIdPrefix, visits } from '../db/schema/customers.ts'
import { orders } from '../db/schema/orders.ts'
import { outbox } from '../db/schema/outbox.ts'

type Named = {
  id?: string | undefined
  email?: string | null | undefined
  phone_number?: string | null | undefined
}

/**
 * The id of whom is meant; undefined for a stranger. An e-mail decides, as it does in Klaviyo: whoever has
 * it is meant. If storefeed made that customer without knowing an id, the merchant's id takes its place;
 * an id of the merchant's own stays. Two at once with the same e-mail or telephone wait for each other.
 */
export async function matchCustomer(tx: Queryable, draft: Named): Promise<string | undefined> {
  const email = draft.email?.trim().toLowerCase()
  const holder = await findByContact(tx, email, draft.phone_number)
  if (draft.id === undefined) return holder
  if (!email || holder === undefined || holder === draft.id) return draft.id
  if (!holder.startsWith(ownIdPrefix)) return holder
  await becomeOne(tx, holder, draft.id)
  return draft.id
}

async function findByContact(
  tx: Queryable,
  email: string | undefined,
  phoneNumber: string | null | undefined,
): Promise<string | undefined> {
  const contact = email || phoneNumber?.trim()
  if (!contact) return undefined
  await tx.execute(
    sql`select pg_advisory_xact_lock(hashtext('storefeed.customer'), hashtext(${contact}))`,
  )
  const same = email ? sql`lower(email) = lower(${email})` : sql`phone_number = ${contact}`
  const [row] = await tx.execute<{ id: string }>(
    sql`select id from ${customers} where ${same} order by created_at, id limit 1`,
  )
  return row?.id
}

/** All that hangs on the one goes with it, messages under way aside: they have been read already. */
async function becomeOne(tx: Queryable, from: string, to: string): Promise<void> {
  const rows = await tx.execute<{ id: string }>(
    sql`select id from ${customers} where id in (${from}, ${to}) order by id for update`,
  )
  if (rows.some(({ id }) => id === to)) await merge(tx, from, to)
  else await tx.execute(sql`update ${customers} set id = ${to} where id = ${from}`)
  await tx.execute(sql`
    update ${outbox} set customer_id = ${to}
    where id in (select id from ${outbox} where customer_id = ${from} for update skip locked)`)
}

/** What only the one had, the other gets; an address is not mixed of two. Triggers keep the most recent store as orders and visits come over. */
async function merge(tx: Queryable, from: string, to: string): Promise<void> {
  await tx.execute(sql`
    update ${customers} c set phone_number = coalesce(c.phone_number, f.phone_number),
      first_name = coalesce(c.first_name, f.first_name), last_name = coalesce(c.last_name, f.last_name),
      metadata = f.metadata || c.metadata
    from ${customers} f where c.id = ${to} and f.id = ${from}`)
  await tx.execute(sql`update ${orders} set customer_id = ${to} where customer_id = ${from}`)
  await tx.execute(sql`
    insert into ${visits} (customer_id, store_id, at)
    select ${to}::text, store_id, at from ${visits} where customer_id = ${from} on conflict do nothing`)
  await tx.execute(sql`delete from ${customers} where id = ${from}`)
}
