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
  const { rows, bodies } = withoutBodies(chunks.map(({ pieces: _, gone: __, ...chunk }) => chunk))
  await tx.execute(sql`
    insert into ${feedChunks} (feed, format, slot, version, body, crc, bytes, items, lists)
    select ${feed}, format, slot, ${version}::bigint, substr(${bodies}::bytea, at, size), crc, bytes, items, lists
    from json_to_recordset(${JSON.stringify(rows)}::json)
      as r(format text, slot smallint, crc bigint, bytes int, items int, lists json, at int, size int)
    on conflict (feed, format, slot) do update set
      version = excluded.version, body = excluded.body, crc = excluded.crc, bytes = excluded.bytes,
      items = excluded.items, lists = excluded.lists`)
}

/** All bodies as one parameter: with parameters for each, building the statement would hold up the loop. */
function withoutBodies<Row extends { body: Buffer }>(
  all: Row[],
): { rows: (Omit<Row, 'body'> & { at: number; size: number })[]; bodies: Buffer } {
  let end = 1
  const rows = all.map(({ body, ...row }) => {
    const at = end
    end += body.length
    return { ...row, at, size: body.length }
  })
  return { rows, bodies: Buffer.concat(all.map(({ body }) => body)) }
}

/** Arrays, as Postgres sees how long these are: for a set of unknown size it would read the whole feed. */
async function saveRelisted(
  tx: Queryable,
  { feed, version }: Target,
  chunks: ChangedChunk[],
): Promise<void> {
  if (chunks.length === 0) return
  const lists = chunks.map((chunk) => JSON.stringify(chunk.lists))
  await tx.execute(sql`
    update ${feedChunks} c set version = ${version}, crc = r.crc, bytes = r.bytes, lists = r.lists::json
    from unnest(
      ${sql.param(chunks.map(({ format }) => format))}::text[], ${sql.param(chunks.map(({ slot }) => slot))}::smallint[],
      ${sql.param(chunks.map(({ crc }) => crc))}::bigint[], ${sql.param(chunks.map(({ bytes }) => bytes))}::int[],
      ${sql.param(lists)}::text[]) as r(format, slot, crc, bytes, lists)
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

/** So that no statement is so large that putting it together holds up the loop. */
const piecesPerInsert = 200

async function savePieces(tx: Queryable, target: Target, chunks: ChangedChunk[]): Promise<void> {
  const pieces = chunks.flatMap(({ format, slot, pieces: own }) =>
    own.map((piece) => ({ ...piece, format, slot })),
  )
  for (let from = 0; from < pieces.length; from += piecesPerInsert)
    await insertPieces(tx, target, pieces.slice(from, from + piecesPerInsert))
}

type StoredPiece = ChangedChunk['pieces'][number] & Pick<ChangedChunk, 'format' | 'slot'>

async function insertPieces(
  tx: Queryable,
  { feed, version }: Target,
  pieces: StoredPiece[],
): Promise<void> {
  const { rows, bodies } = withoutBodies(pieces)
  await tx.execute(sql`
    insert into ${feedLists} (feed, format, slot, item, first, version, body, crc, bytes)
    select ${feed}, format, slot, item, first, ${version}::bigint, substr(${bodies}::bytea, at, size), crc, bytes
    from json_to_recordset(${JSON.stringify(rows)}::json)
      as r(format text, slot smallint, item text, first text, crc bigint, bytes int, at int, size int)
    on conflict (feed, format, slot, item, first) do update set
      version = excluded.version, body = excluded.body, crc = excluded.crc, bytes = excluded.bytes`)
}

export async function removeChunks(tx: Queryable, feed: FeedName): Promise<void> {
  await tx.delete(feedChunks).where(eq(feedChunks.feed, feed))
  await tx.delete(feedLists).where(eq(feedLists.feed, feed))
}
