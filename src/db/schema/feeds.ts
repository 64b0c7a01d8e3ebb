import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  check,
  customType,
  index,
  integer,
  json,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
  timestamp,
  uuid,
} from 'drizzle-orm/pg-core'
import { merchantId, oneRow, oneRowCheck } from './columns.ts'

export const feedNames = ['products', 'stores'] as const
export type FeedName = (typeof feedNames)[number]
export const feedFormats = ['json', 'xml'] as const
export type FeedFormat = (typeof feedFormats)[number]

/** What a file has beside its items. Stored with the feed, so that a server of another release serves it as it was rendered. */
export type FeedFrame = {
  contentType: string
  /** Before the first item, between two items, and after the last. */
  head: string
  separator: string
  tail: string
}

/** CRC-32 and length of text. */
export type Checksum = { crc: number; bytes: number }

/** `first` is the id that it begins with, or '' for the ids before the first cut. */
export type ListPiece = Checksum & { first: string }

export type StoredList = { item: string; pieces: ListPiece[] }

/**
 * How the text of a chunk with long lists of ids is put together: a frame, a list, a frame and so on. The chunk's body has
 * the frames, each deflated on its own to `size` bytes; pieces are stored apart, without the commas between them.
 */
export type ChunkLists = { frames: (Checksum & { size: number })[]; lists: StoredList[] }

const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' })
const feed = () => text({ enum: feedNames }).notNull()
const format = () => text({ enum: feedFormats }).notNull()
const instant = () => timestamp({ withTimezone: true, precision: 3 })

/** The hash of a change of every item: after TRUNCATE, a restore, or a load with triggers disabled. */
export const ALL_BUCKETS = -1

/** What changed since the last refresh, by hash or by link. Written by triggers, in the transaction of the change. */
export const feedChanges = pgTable(
  'feed_changes',
  {
    feed: feed(),
    /** The items of this hash changed. */
    hash: smallint(),
    changed_at: instant().notNull().defaultNow(),
    /** The items linked to this id changed, because it was published or unpublished. With `item`: its link to this id did. */
    linked_to: merchantId(),
    item: merchantId(),
  },
  (table) => [
    index('feed_changes_feed').on(table.feed),
    check('feed_changes_hash_valid', sql`${table.hash} between -1 and 16383`),
    check(
      'feed_changes_one_subject',
      sql`num_nonnulls(${table.hash}, ${table.linked_to}) = 1 and num_nonnulls(${table.item}, ${table.hash}) < 2`,
    ),
  ],
)

/** The items of one slot in one format, deflated on their own and ended with a sync flush. */
export const feedChunks = pgTable(
  'feed_chunks',
  {
    feed: feed(),
    format: format(),
    slot: smallint().notNull(),
    /** The version in which this body was rendered. */
    version: bigint({ mode: 'number' }).notNull(),
    body: bytea().notNull(),
    /** CRC-32 and length of the text before it was deflated. */
    crc: bigint({ mode: 'number' }).notNull(),
    bytes: integer().notNull(),
    items: integer().notNull(),
    /** Which long lists of ids the text has beside the body, and where. */
    lists: json().$type<ChunkLists>(),
  },
  (table) => [
    primaryKey({ columns: [table.feed, table.format, table.slot] }),
    // Every edit reads the chunks that changed since a snapshot.
    index('feed_chunks_version').on(table.feed, table.format, table.version),
  ],
)

/** The pieces of the long lists of ids of a slot's items, deflated as the bodies of chunks are. */
export const feedLists = pgTable(
  'feed_lists',
  {
    feed: feed(),
    format: format(),
    slot: smallint().notNull(),
    item: merchantId().notNull(),
    /** The id that the piece begins with; '' for the ids before the first cut. */
    first: merchantId().notNull(),
    version: bigint({ mode: 'number' }).notNull(),
    body: bytea().notNull(),
    crc: bigint({ mode: 'number' }).notNull(),
    bytes: integer().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.feed, table.format, table.slot, table.item, table.first] }),
    index('feed_lists_version').on(table.feed, table.format, table.version),
  ],
)

export const feedState = pgTable('feed_state', {
  feed: feed().primaryKey(),
  version: bigint({ mode: 'number' }).notNull(),
  slots: smallint().notNull(),
  items: integer().notNull(),
  /** Of the items as JSON; 0 when unknown. */
  bytes: bigint({ mode: 'number' }).notNull().default(0),
  /** Identifies the code that rendered the items; see feeds/render-key.ts. */
  render_key: text().notNull(),
  /** The most items of the last six hours, which a refresh may not fall far below. */
  reference_items: integer().notNull(),
  reference_at: instant().notNull(),
  held_since: instant(),
  held_reason: text(),
  built_at: instant().notNull(),
  /** As Last-Modified has it: later than that of any earlier version, whatever the clock says. */
  modified_at: timestamp({ withTimezone: true, precision: 0 }).notNull(),
  frames: jsonb().$type<Record<FeedFormat, FeedFrame>>().notNull(),
})

/** One row: the servers that render the feeds are those with this render key; see feeds/renderer.ts. */
export const feedRenderer = pgTable(
  'feed_renderer',
  {
    one_row: oneRow(),
    render_key: text().notNull(),
    /** For people: what the render key stands for. */
    version: text().notNull(),
    currency: text().notNull(),
    store_product_ids: boolean().notNull().default(true),
    /** When one of them last said that it runs. */
    seen_at: timestamp({ withTimezone: true }).notNull(),
  },
  (table) => [oneRowCheck('feed_renderer_one_row', table.one_row)],
)

/**
 * The build of each of the last versions. After a restore, a crash or a failover the database reuses version numbers but
 * never a build, which distinguishes two versions of the same number.
 */
export const feedBuilds = pgTable(
  'feed_builds',
  {
    feed: feed(),
    version: bigint({ mode: 'number' }).notNull(),
    build: uuid().notNull().defaultRandom(),
  },
  (table) => [primaryKey({ columns: [table.feed, table.version] })],
)

export const feedPolls = pgTable(
  'feed_polls',
  {
    id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    at: instant().notNull(),
    feed: feed(),
    format: format(),
    status: smallint().notNull(),
    bytes: bigint({ mode: 'number' }).notNull(),
    milliseconds: integer().notNull(),
    user_agent: text(),
    address: text(),
    /** What was served; null when that was not recorded. */
    build: uuid(),
  },
  (table) => [index('feed_polls_feed_at').on(table.feed, table.at)],
)
