/** In charge of remembering who polled: gathered in memory and written in batches, so that no poll waits for it. */
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
}

export type PollLog = {
  add: (poll: FeedPoll) => void
  flush: () => Promise<void>
  stop: () => Promise<void>
}

const flushEveryMs = 1000
/** Under a flood, or while the database is away, the newest polls are kept. */
const maxWaiting = 100
const keptDays = 30

export function createPollLog(
  db: Database,
  warn: (message: string, error: unknown) => void,
): PollLog {
  let waiting: FeedPoll[] = []
  const timer = setInterval(flush, flushEveryMs)
  timer.unref()

  async function flush() {
    if (waiting.length === 0) return
    const polls = waiting
    waiting = []
    try {
      await insertPolls(db, polls)
    } catch (error) {
      warn('polls could not be recorded', error)
      waiting = [...polls, ...waiting].slice(-maxWaiting)
    }
  }

  function add(poll: FeedPoll) {
    waiting.push(poll)
    if (waiting.length > 2 * maxWaiting) waiting = waiting.slice(-maxWaiting)
  }
  async function stop() {
    clearInterval(timer)
    await flush()
  }
  return { add, flush, stop }
}

/** As one parameter: a thousand polls are thousands of fields. */
async function insertPolls(db: Queryable, polls: FeedPoll[]): Promise<void> {
  await db.execute(sql`
    insert into ${feedPolls} (at, feed, format, status, bytes, milliseconds, user_agent, address)
    select at, feed, format, status, bytes, milliseconds, user_agent, address
    from jsonb_populate_recordset(null::${feedPolls}, ${JSON.stringify(polls)}::jsonb)`)
}

/** The newest poll of each feed stays, so that it can always be told since when none has come. */
export async function removeOldPolls(db: Queryable): Promise<void> {
  await db.execute(sql`
    delete from ${feedPolls} p where p.at < now() - make_interval(days => ${keptDays})
    and exists (select from ${feedPolls} newer where newer.feed = p.feed and newer.at > p.at)`)
}
