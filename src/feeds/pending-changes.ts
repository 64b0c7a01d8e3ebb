import { sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { ALL_BUCKETS, type FeedName, feedChanges } from '../db/schema/feeds.ts'

/** Columns of product_stores, as seen from each feed. */
const linkColumns = {
  products: { own: sql.raw('product_id'), other: sql.raw('store_id') },
  stores: { own: sql.raw('store_id'), other: sql.raw('product_id') },
} as const

/** An item, its hash, and the id that came to its list or went from it. */
export type ChangedLink = { item: string; hash: number; id: string }

/** Each once. */
export type PendingChanges = {
  /** Of items of which anything may have changed. */
  hashes: Set<number>
  /** Of which nothing else changed, unless their hash is among `hashes`. */
  links: ChangedLink[]
}

/** Beyond this, items are rendered whole. */
const maxLinks = 4000

/**
 * Items linked to a product or store that was published or unpublished are looked up here, not in the trigger, which
 * could not see a link that was being added at the same time.
 */
export async function readPendingChanges(tx: Queryable, feed: FeedName): Promise<PendingChanges> {
  const changes = await tx.execute<ChangeRow>(sql`
    select distinct coalesce(hash, catalog_hash(item)) as hash, item, linked_to from ${feedChanges}
    where feed = ${feed} limit ${maxLinks + 1}`)
  if (changes.length > maxLinks) return readHashes(tx, feed)
  const pending = toPending(changes)
  // Most changes are of an item itself and need no second query.
  if (changes.every(({ hash }) => hash !== null)) return pending
  const { own, other } = linkColumns[feed]
  const linked = await tx.execute<ChangedLink>(sql`
    select catalog_hash(l.${own}) as hash, l.${own} as item, l.${other} as id from product_stores l
    where l.${other} in (${published(feed)}) limit ${maxLinks + 1}`)
  if (linked.length > maxLinks) return readHashes(tx, feed)
  return { ...pending, links: [...pending.links, ...linked] }
}

type ChangeRow = { hash: number | null; item: string | null; linked_to: string | null }

function toPending(changes: ChangeRow[]): PendingChanges {
  const pending: PendingChanges = { hashes: new Set(), links: [] }
  for (const { hash, item, linked_to: id } of changes) {
    if (hash === null) continue
    if (item === null || id === null) pending.hashes.add(hash)
    else pending.links.push({ item, hash, id })
  }
  return pending
}

const published = (feed: FeedName) =>
  sql`select linked_to from ${feedChanges} where feed = ${feed} and item is null and linked_to is not null`

async function readHashes(tx: Queryable, feed: FeedName): Promise<PendingChanges> {
  const { own, other } = linkColumns[feed]
  const changes = await tx.execute<{ hash: number }>(sql`
    select coalesce(hash, catalog_hash(item)) as hash from ${feedChanges}
    where feed = ${feed} and (hash is not null or item is not null)
    union select catalog_hash(l.${own}) from product_stores l where l.${other} in (${published(feed)})`)
  return { hashes: new Set(changes.map(({ hash }) => hash)), links: [] }
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
