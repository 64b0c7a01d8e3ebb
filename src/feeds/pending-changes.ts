/** In charge of notes: which hashes of a feed have changed since its last refresh. */
import { sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { ALL_BUCKETS, type FeedName, feedChanges } from '../db/schema/feeds.ts'

/** Of a row of product_stores: whose item it is part of, and what it links that to. */
const linkColumns = {
  products: { own: sql.raw('product_id'), other: sql.raw('store_id') },
  stores: { own: sql.raw('store_id'), other: sql.raw('product_id') },
} as const

/**
 * The hashes noted, each once. What is linked to a product or store that was published or withdrawn
 * is looked up here, not when the note was made: a link made meanwhile was not to be seen then.
 */
export async function readPendingChanges(tx: Queryable, feed: FeedName): Promise<Set<number>> {
  const notes = await tx.execute<{ hash: number | null }>(
    sql`select distinct hash from ${feedChanges} where feed = ${feed}`,
  )
  const hashes = new Set(notes.flatMap(({ hash }) => hash ?? []))
  // Most notes are of an item itself; without a link to look up, none is asked for.
  if (notes.every(({ hash }) => hash !== null)) return hashes
  const { own, other } = linkColumns[feed]
  const linked = await tx.execute<{ hash: number }>(sql`
    select distinct catalog_hash(l.${own}) as hash from product_stores l
    where l.${other} in (select linked_to from ${feedChanges} where feed = ${feed})`)
  return new Set([...hashes, ...linked.map(({ hash }) => hash)])
}

/** In repeatable read these are just the ones that `readNotes` read. */
export async function removePendingChanges(tx: Queryable, feed: FeedName): Promise<void> {
  await tx.execute(sql`delete from ${feedChanges} where feed = ${feed}`)
}

/** Has every item of every feed rendered again by the next refresh. */
export async function markAllChanged(db: Queryable): Promise<void> {
  await db.execute(
    sql`insert into ${feedChanges} (feed, hash) values ('products', ${ALL_BUCKETS}), ('stores', ${ALL_BUCKETS})`,
  )
  await db.execute(sql`select pg_notify('feed_changes', '')`)
}
