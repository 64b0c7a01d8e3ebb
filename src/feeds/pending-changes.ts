import { sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { ALL_BUCKETS, type FeedName, feedChanges } from '../db/schema/feeds.ts'

/** Columns of product_stores, as seen from each feed. */
const linkColumns = {
  products: { own: sql.raw('product_id'), other: sql.raw('store_id') },
  stores: { own: sql.raw('store_id'), other: sql.raw('product_id') },
} as const

/**
 * The changed hashes, each once. Items linked to a product or store that was published or unpublished are looked up
 * here, not in the trigger, which could not see a link that was being added at the same time.
 */
export async function readPendingChanges(tx: Queryable, feed: FeedName): Promise<Set<number>> {
  const changes = await tx.execute<{ hash: number | null }>(
    sql`select distinct hash from ${feedChanges} where feed = ${feed}`,
  )
  const hashes = new Set(changes.flatMap(({ hash }) => hash ?? []))
  // Most changes are of an item itself and need no second query.
  if (changes.every(({ hash }) => hash !== null)) return hashes
  const { own, other } = linkColumns[feed]
  const linked = await tx.execute<{ hash: number }>(sql`
    select distinct catalog_hash(l.${own}) as hash from product_stores l
    where l.${other} in (select linked_to from ${feedChanges} where feed = ${feed})`)
  return new Set([...hashes, ...linked.map(({ hash }) => hash)])
}

/** In repeatable read, exactly those that {@link readPendingChanges} read. */
export async function removePendingChanges(tx: Queryable, feed: FeedName): Promise<void> {
  await tx.execute(sql`delete from ${feedChanges} where feed = ${feed}`)
}

/** Makes the next refresh render every item of every feed. */
export async function markAllChanged(db: Queryable): Promise<void> {
  await db.execute(
    sql`insert into ${feedChanges} (feed, hash) values ('products', ${ALL_BUCKETS}), ('stores', ${ALL_BUCKETS})`,
  )
  await db.execute(sql`select pg_notify('feed_changes', '')`)
}
