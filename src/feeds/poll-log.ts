/** Records polls in batches, so that no poll waits for a write. */
import { sql } from 'drizzle-orm'
import type { Database, Queryable } from '../db/connection.ts'
import { type FeedFormat, type FeedName, feedPolls } from '../db/schema/feeds.ts'

type FeedPoll = {
  at: Date
  feed: FeedName
  format: FeedFormat
  status: number
  bytes: number
  milliseconds: number
  user_agent: string | null
  address: string | null
  build: string | null
}

export type PollLog = {
  add: (poll: FeedPoll) => void
  flush: () => Promise<void>
  stop: () => Promise<void>
}

const flushEveryMs = 1000
/** Under heavy load, or while the database is unavailable, only the newest polls are kept. */
const maxBuffered = 100
const keptDays = 30

export function createPollLog(
  db: Database,
  warn: (message: string, error: unknown) => void,
): PollLog {
  let buffer: FeedPoll[] = []
  const timer = setInterval(flush, flushEveryMs)
  timer.unref()

  async function flush() {
    if (buffer.length === 0) return
    const polls = buffer
    buffer = []
    try {
      await insertPolls(db, polls)
    } catch (error) {
      warn('polls could not be recorded', error)
      buffer = [...polls, ...buffer].slice(-maxBuffered)
    }
  }

  function add(poll: FeedPoll) {
    buffer.push(poll)
    if (buffer.length > 2 * maxBuffered) buffer = buffer.slice(-maxBuffered)
  }
  async function stop() {
    clearInterval(timer)
    await flush()
  }
  return { add, flush, stop }
}

/** As one JSON parameter instead of thousands of parameters. */
async function insertPolls(db: Queryable, polls: FeedPoll[]): Promise<void> {
  await db.execute(sql`
    insert into ${feedPolls} (at, feed, format, status, bytes, milliseconds, user_agent, address, build)
    select at, feed, format, status, bytes, milliseconds, user_agent, address, build
    from jsonb_populate_recordset(null::${feedPolls}, ${JSON.stringify(polls)}::jsonb)`)
}

/** Keeps the newest poll of each feed, so that the time of the last one is always known. */
export async function removeOldPolls(db: Queryable): Promise<void> {
  await db.execute(sql`
    delete from ${feedPolls} p where p.at < now() - make_interval(days => ${keptDays})
    and exists (select from ${feedPolls} newer where newer.feed = p.feed and newer.at > p.at)`)
}
