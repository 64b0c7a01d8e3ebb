/** Stores chunks and the pieces of their lists. */
import { eq, sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { type FeedName, feedChunks, feedLists } from '../db/schema/feeds.ts'
import { settleBoth } from '../lib/settle-both.ts'
import type { ChangedChunk } from './chunk.ts'

/** `version` is that of what changes. */
type Target = { feed: FeedName; version: number }

export async function saveChunks(
  tx: Queryable,
  target: Target,
  chunks: ChangedChunk[],
): Promise<void> {
  if (chunks.length === 0) return
  const rendered = chunks.flatMap(({ body, ...chunk }) => (body ? [{ ...chunk, body }] : []))
  const relisted = chunks.filter(({ body }) => !body)
  // Sent together; Postgres executes them in this order.
  await settleBoth(
    settleBoth(saveRendered(tx, target, rendered), saveRelisted(tx, target, relisted)),
    settleBoth(removePieces(tx, target, chunks), savePieces(tx, target, chunks)),
  )
}

async function saveRendered(
  tx: Queryable,
  { feed, version }: Target,
  chunks: (ChangedChunk & { body: Buffer })[],
): Promise<void> {
  if (chunks.length === 0) return
  const rows = chunks.map(({ pieces: _, gone: __, ...chunk }) => ({ ...chunk, feed, version }))
  await tx
    .insert(feedChunks)
    .values(rows)
    .onConflictDoUpdate({
      target: [feedChunks.feed, feedChunks.format, feedChunks.slot],
      set: {
        version: sql`excluded.version`,
        body: sql`excluded.body`,
        crc: sql`excluded.crc`,
        bytes: sql`excluded.bytes`,
        items: sql`excluded.items`,
        lists: sql`excluded.lists`,
      },
    })
}

async function saveRelisted(
  tx: Queryable,
  { feed, version }: Target,
  chunks: ChangedChunk[],
): Promise<void> {
  if (chunks.length === 0) return
  const rows = chunks.map(({ format, slot, crc, bytes, lists }) => ({
    format,
    slot,
    crc,
    bytes,
    lists,
  }))
  await tx.execute(sql`
    update ${feedChunks} c set version = ${version}, crc = r.crc, bytes = r.bytes, lists = r.lists
    from json_to_recordset(${JSON.stringify(rows)}::json) as r(format text, slot smallint, crc bigint, bytes int, lists json)
    where c.feed = ${feed} and c.format = r.format and c.slot = r.slot`)
}

async function removePieces(
  tx: Queryable,
  { feed }: Target,
  chunks: ChangedChunk[],
): Promise<void> {
  const gone = chunks.flatMap(({ format, slot, gone: keys }) =>
    (keys ?? [{ item: null, first: null }]).map(({ item, first }) => ({
      format,
      slot,
      item,
      first,
    })),
  )
  if (gone.length === 0) return
  await tx.execute(sql`
    delete from ${feedLists} l
    using json_to_recordset(${JSON.stringify(gone)}::json) as r(format text, slot smallint, item text, first text)
    where l.feed = ${feed} and l.format = r.format and l.slot = r.slot
      and (r.item is null or (l.item = r.item and l.first = r.first))`)
}

/** In statements of a limited size: a statement may have 65,535 parameters. */
const piecesPerInsert = 1000

async function savePieces(
  tx: Queryable,
  { feed, version }: Target,
  chunks: ChangedChunk[],
): Promise<void> {
  const rows = chunks.flatMap(({ format, slot, pieces }) =>
    pieces.map((piece) => ({ ...piece, feed, format, slot, version })),
  )
  for (let from = 0; from < rows.length; from += piecesPerInsert)
    await tx
      .insert(feedLists)
      .values(rows.slice(from, from + piecesPerInsert))
      .onConflictDoUpdate({
        target: [feedLists.feed, feedLists.format, feedLists.slot, feedLists.item, feedLists.first],
        set: {
          version: sql`excluded.version`,
          body: sql`excluded.body`,
          crc: sql`excluded.crc`,
          bytes: sql`excluded.bytes`,
        },
      })
}

export async function removeChunks(tx: Queryable, feed: FeedName): Promise<void> {
  await tx.delete(feedChunks).where(eq(feedChunks.feed, feed))
  await tx.delete(feedLists).where(eq(feedLists.feed, feed))
}
