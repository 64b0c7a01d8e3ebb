import { sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import {
  type FeedFormat,
  type FeedName,
  feedChanges,
  feedChunks,
  feedFormats,
  feedLists,
  feedNames,
  feedPolls,
  feedState,
} from '../db/schema/feeds.ts'
import { type LastPoll, nextPollAt, pollEveryHours, readLastPoll } from './last-poll.ts'
import { type Renderer, readRendererProblems } from './renderer.ts'
import { partCounts } from './slots.ts'

type FeedFile = {
  format: FeedFormat
  bytes: number
  gzip_bytes: number
  advised_parts: number
}

type RecordedPoll = {
  at: string
  format: FeedFormat
  status: number
  bytes: number
  milliseconds: number
  user_agent: string | null
  address: string | null
}

export type FeedStatus = {
  feed: FeedName
  /** `waiting`: changes are pending; the next poll applies them. */
  state: 'fresh' | 'waiting' | 'held' | 'never built'
  version: number
  items: number
  built_at: string | null
  held_since: string | null
  held_reason: string | null
  pending_changes: number
  oldest_change_at: string | null
  files: FeedFile[]
  limit_bytes: number
  last_polls: RecordedPoll[]
  next_poll_expected_at: string | null
  /** Whether a poll now gets another feed than the last one did; null when unknown. */
  changed_since_poll: boolean | null
  /** No poll for longer than Klaviyo's polling interval. */
  poll_overdue: boolean
  warnings: string[]
}

/** Klaviyo accepts files of up to 100 MB and advises 50. */
const advisedBytes = 50_000_000
const pollsShown = 10
const pollOverdueHours = pollEveryHours + 1

type StateRow = Pick<
  FeedStatus,
  | 'version'
  | 'items'
  | 'built_at'
  | 'held_since'
  | 'held_reason'
  | 'pending_changes'
  | 'oldest_change_at'
  | 'poll_overdue'
>

export function readFeedStatuses(db: Queryable): Promise<FeedStatus[]> {
  return Promise.all(feedNames.map((feed) => readFeedStatus(db, feed)))
}

async function readFeedStatus(db: Queryable, feed: FeedName): Promise<FeedStatus> {
  const [row, files, polls, poll] = await Promise.all([
    readStateRow(db, feed),
    readFiles(db, feed),
    readPolls(db, feed),
    readLastPoll(db, feed),
  ])
  const { poll_overdue, ...state } = row
  const status = {
    feed,
    state: stateOf(row),
    ...state,
    limit_bytes: advisedBytes,
    files,
    last_polls: polls,
    next_poll_expected_at: nextPollAt(poll),
    changed_since_poll: isChangedSince(poll, row),
    poll_overdue,
  }
  return { ...status, warnings: warningsOf(status) }
}

/** What is held back does not count: a poll gets the same feed again. */
function isChangedSince(
  poll: LastPoll | null,
  { version, pending_changes, held_since }: StateRow,
): boolean | null {
  if (!poll || poll.version === null) return null
  return poll.version !== version || (pending_changes > 0 && !held_since)
}

/** Only a rebuild takes longer than this. */
const changesOverdueMs = 60_000

/** Why feeds are not up to date or not as this server would render them, in words; cheap enough to be read every second. */
export async function readFeedProblems(
  db: Queryable,
  own: Renderer,
  progress: (feed: FeedName) => number | undefined = () => undefined,
): Promise<string[]> {
  const feedProblems = async (feed: FeedName) => {
    const row = await readStateRow(db, feed)
    if (row.version === 0) return [buildingWarning(feed, progress(feed))]
    if (row.held_since) return [heldWarning({ feed, ...row })]
    const { pending_changes, oldest_change_at } = row
    const isOld = oldest_change_at && Date.now() - Date.parse(oldest_change_at) > changesOverdueMs
    return isOld
      ? [
          `The ${feed} feed is behind: ${pending_changes} changes have been pending since ${oldest_change_at}. The log says why it cannot be refreshed.`,
        ]
      : []
  }
  const problems = [readRendererProblems(db, own), ...feedNames.map(feedProblems)]
  return (await Promise.all(problems)).flat()
}

const buildingWarning = (feed: FeedName, share = 0) =>
  `The ${feed} feed is building for the first time, ${Math.floor(share * 100)} % is done. Until then polls get 503 with Retry-After.`

const heldWarning = ({
  feed,
  held_since,
  held_reason,
}: Pick<FeedStatus, 'feed' | 'held_since' | 'held_reason'>) =>
  `Held since ${held_since}: ${held_reason} The last good feed is served. If the change is intended, POST /v1/feeds/${feed}/release; if not, restore the items.`

async function readStateRow(db: Queryable, feed: FeedName): Promise<StateRow> {
  const [row] = await db.execute<{ state: StateRow }>(sql`
    select row_to_json(r) as state from (
      select coalesce(s.version, 0) as version, coalesce(s.items, 0) as items, s.built_at, s.held_since, s.held_reason,
        n.pending_changes, n.oldest_change_at,
        coalesce(p.last_poll_at < now() - make_interval(hours => ${pollOverdueHours}), false) as poll_overdue
      from (select count(*) as pending_changes, min(changed_at) as oldest_change_at from ${feedChanges} where feed = ${feed}) n
      cross join (select max(at) as last_poll_at from ${feedPolls} where feed = ${feed}) p
      left join ${feedState} s on s.feed = ${feed}) r`)
  if (!row) throw new Error('a query without conditions returned no row')
  return row.state
}

function stateOf({ version, held_since, pending_changes }: StateRow): FeedStatus['state'] {
  if (version === 0) return 'never built'
  if (held_since) return 'held'
  return pending_changes > 0 ? 'waiting' : 'fresh'
}

/** Without a join: of tables that a refresh has just filled, Postgres may have estimates from when they were empty. */
async function readFiles(db: Queryable, feed: FeedName): Promise<FeedFile[]> {
  const slots = await db.execute<{ format: FeedFormat; bytes: number; gzip_bytes: number }>(sql`
    select format, sum(bytes)::int as bytes, sum(gzip_bytes)::int as gzip_bytes from (
      select format, slot, bytes, length(body) as gzip_bytes from ${feedChunks} where feed = ${feed}
      union all select format, slot, 0, length(body) from ${feedLists} where feed = ${feed}
    ) stored group by format, slot order by format, slot`)
  return feedFormats.map((format) => {
    const own = slots.filter((slot) => slot.format === format)
    const bytes = own.map((slot) => slot.bytes)
    return {
      format,
      bytes: sum(bytes),
      gzip_bytes: sum(own.map((slot) => slot.gzip_bytes)),
      advised_parts: advisedParts(bytes),
    }
  })
}

const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0)

/** The smallest number of parts that are all small enough, or the largest number there is. */
export function advisedParts(slotBytes: number[]): number {
  const fits = (of: number) => {
    const share = slotBytes.length / of
    return Array.from({ length: of }, (_, part) =>
      sum(slotBytes.slice(part * share, (part + 1) * share)),
    ).every((bytes) => bytes <= advisedBytes)
  }
  return partCounts.find(fits) ?? Math.max(...partCounts)
}

async function readPolls(db: Queryable, feed: FeedName): Promise<RecordedPoll[]> {
  const rows = await db.execute<{ poll: RecordedPoll }>(sql`
    select row_to_json(r) as poll from (
      select at, format, status, bytes, milliseconds, user_agent, address from ${feedPolls}
      where feed = ${feed} order by at desc, id desc limit ${pollsShown}) r`)
  return rows.map((row) => row.poll)
}

function warningsOf(status: Omit<FeedStatus, 'warnings'>): string[] {
  const { feed, state, files, poll_overdue } = status
  const warnings: string[] = []
  if (state === 'held') warnings.push(heldWarning(status))
  if (poll_overdue)
    warnings.push(
      `No poll in the last ${pollOverdueHours} hours. Klaviyo polls every six hours: check the source in Klaviyo and its URL.`,
    )
  for (const { format, advised_parts } of files) {
    if (advised_parts > 1)
      warnings.push(
        `The ${format} file is over 50 MB: add ${advised_parts} sources in Klaviyo, /feeds/${feed}.1-of-${advised_parts}.${format} and so on.`,
      )
  }
  return warnings
}
