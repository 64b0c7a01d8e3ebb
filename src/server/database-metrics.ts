/** In charge of the metrics that stand in the database: feeds, messages and connections, read when they are asked for. */
import { Gauge, Registry } from 'prom-client'
import type { Database } from '../db/connection.ts'
import { countConnections } from '../db/database-state.ts'
import { type FeedStatus, readFeedStatuses } from '../feeds/feed-status.ts'
import { countUnsent, readQueueAlarms } from '../outbox/outbox-metrics.ts'

const secondsSince = (time: string | null | undefined) =>
  time ? (Date.now() - Date.parse(time)) / 1000 : 0

/** Name, meaning, and value of each gauge; all have the label `feed`. */
const feedGauges: [name: string, help: string, value: (status: FeedStatus) => number][] = [
  ['items', 'Items that are served', ({ items }) => items],
  ['version', 'Version that is served', ({ version }) => version],
  [
    'held',
    '1 while a refresh that lost too many items is held back',
    ({ held_since }) => (held_since ? 1 : 0),
  ],
  [
    'pending_changes',
    'Notes of changes that no refresh has taken',
    ({ pending_changes }) => pending_changes,
  ],
  [
    'oldest_change_seconds',
    'Age of the oldest of them',
    ({ oldest_change_at }) => secondsSince(oldest_change_at),
  ],
  [
    'poll_age_seconds',
    'Since the last poll; 0 before the first',
    ({ last_polls }) => secondsSince(last_polls[0]?.at),
  ],
  [
    'poll_overdue',
    '1 when no poll came for seven hours',
    ({ poll_overdue }) => (poll_overdue ? 1 : 0),
  ],
]

type MakeGauge = (
  name: string,
  help: string,
  ...labelNames: string[]
) => { set: (labels: Record<string, string>, value: number) => void }

/** In Prometheus's format. Rejects when the database does not answer. */
export async function writeDatabaseMetrics(db: Database): Promise<string> {
  const registry = new Registry()
  const gauge: MakeGauge = (name, help, ...labelNames) =>
    new Gauge({ name: `storefeed_${name}`, help, labelNames, registers: [registry] })
  const askedAt = performance.now()
  const connections = await countConnections(db)
  gauge(
    'database_answer_seconds',
    'How long this request waited for a connection and its first answer',
  ).set({}, (performance.now() - askedAt) / 1000)
  const connectionGauge = gauge(
    'database_connections',
    'Connections of all servers to this database, by purpose and state',
    ...['pool', 'state'],
  )
  for (const { count, ...labels } of connections) connectionGauge.set(labels, count)
  await setFeedGauges(db, gauge)
  await setMessageGauges(db, gauge)
  return registry.metrics()
}

async function setFeedGauges(db: Database, gauge: MakeGauge): Promise<void> {
  const statuses = await readFeedStatuses(db)
  for (const [name, help, value] of feedGauges) {
    const made = gauge(`feed_${name}`, help, 'feed')
    for (const status of statuses) made.set({ feed: status.feed }, value(status))
  }
}

async function setMessageGauges(db: Database, gauge: MakeGauge): Promise<void> {
  const labelNames = ['queue', 'status']
  const counts = gauge('messages', 'Messages that are not sent', ...labelNames)
  const ages = gauge(
    'messages_oldest_seconds',
    'Since the oldest of them was written; 0 when there is none',
    ...labelNames,
  )
  for (const { count, oldest_seconds, ...labels } of await countUnsent(db)) {
    counts.set(labels, count)
    ages.set(labels, oldest_seconds)
  }
  const alarms = gauge('push_alarm', '1 while Klaviyo turns the sender away', 'queue')
  for (const { queue, raised } of await readQueueAlarms(db)) alarms.set({ queue }, raised ? 1 : 0)
}
