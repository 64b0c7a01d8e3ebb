/** What keeps messages from Klaviyo, in words for a person. */
import { sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { outbox, outboxQueues, type QueueName } from '../db/schema/outbox.ts'
import { withoutDetail } from './settle.ts'

type Pause = {
  queue: QueueName
  reason: string | null
  rejected: boolean
  until: string
  ms: number
}

/** A pause of a few seconds is how Klaviyo's limits work. */
const longPauseMs = 60_000

/** So many tries mean half a minute. */
const manyTries = 5
const maxCounted = 1_000

/** Empty when nothing is wrong. */
export async function readDeliveryProblems(db: Queryable): Promise<string[]> {
  const pauses = await readPauses(db)
  return [
    ...pauses.filter(({ rejected, ms }) => rejected || ms >= longPauseMs).map(describePause),
    ...(await describeRetries(db, manyTries)),
  ]
}

/** Why messages that could be sent now were not; empty when there are none. */
export async function readReasonsToWait(db: Queryable): Promise<string[]> {
  const pauses = await readPauses(db)
  const unexplained = pauses.filter(({ rejected }) => !rejected)
  return [...unexplained.map(describePause), ...(await describeRetries(db, 1))]
}

/** Queues that are paused, and those whose sender Klaviyo rejects. */
async function readPauses(db: Queryable): Promise<Pause[]> {
  return db.execute<Pause>(sql`
    select queue, coalesce(alarm, pause_reason) as reason, alarm is not null as rejected,
      to_json(coalesce(paused_until, now())) #>> '{}' as until,
      (extract(epoch from paused_until - now()) * 1000)::float8 as ms
    from ${outboxQueues} where alarm is not null or (paused_until > now() and pause_reason is not null)
    order by queue`)
}

function describePause({ queue, reason, rejected, until }: Pause): string {
  return rejected
    ? `Klaviyo rejected the credentials; sending ${queue} is paused: ${reason}. The next try is at ${until}.`
    : `Klaviyo asked to wait; sending ${queue} is paused: ${reason}. The next try is at ${until}.`
}

type Retry = { queue: QueueName; count: number; next: string; error: string }

/** Read by the partial indexes of due messages, and no more of them than can be told. */
async function describeRetries(db: Queryable, tries: number): Promise<string[]> {
  const ofQueue = (queue: QueueName, owner: 'order_id' | 'customer_id') => sql`
    select ${queue}::text as queue, count(*)::int as count, to_json(min(next_at)) #>> '{}' as next,
      (array_agg(error order by attempts desc))[1] as error
    from (
      select next_at, attempts, error from ${outbox}
      where status = 'pending' and ${sql.identifier(owner)} is not null and backfill in (false, true) and next_at > now()
      limit ${maxCounted}
    ) as waiting where attempts >= ${tries} having count(*) > 0`
  const retries = await db.execute<Retry>(
    sql`${ofQueue('events', 'order_id')} union all ${ofQueue('profiles', 'customer_id')}`,
  )
  return retries.map(
    ({ queue, count, next, error }) =>
      `Messages of ${queue} that wait for another try: ${count === maxCounted ? `${count} or more` : count}, the first at ${next}. Klaviyo’s last answer: ${withoutDetail(error)}`,
  )
}
