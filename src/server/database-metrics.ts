import { Gauge, Registry } from 'prom-client'
import type { Database } from '../db/connection.ts'
import { countConnections } from '../db/database-state.ts'
import { type FeedStatus, readFeedStatuses } from '../feeds/feed-status.ts'
import { countUnsent, readQueueAlarms } from '../outbox/outbox-metrics.ts'

const secondsSince = (time: string | null | undefined) =>
  time ? (Date.now() - Date.parse(time)) / 1000 : 0

/** All have the label `feed`. */
const feedGauges: { name: string; help: string; value: (status: FeedStatus) => number }[] = [
  { name: 'items', help: 'Items served', value: ({ items }) => items },
  { name: 'version', help: 'Version served', value: ({ version }) => version },
  {
    name: 'held',
    help: '1 while a refresh that would drop too many items is held back',
    value: ({ held_since }) => (held_since ? 1 : 0),
  },
  {
    name: 'pending_changes',
    help: 'Changes that no refresh has rendered yet',
    value: ({ pending_changes }) => pending_changes,
  },
  {
    name: 'oldest_change_age_seconds',
    help: 'Age of the oldest pending change; 0 when there is none',
    value: ({ oldest_change_at }) => secondsSince(oldest_change_at),
  },
  {
    name: 'poll_age_seconds',
    help: 'Time since the last poll; 0 before the first',
    value: ({ last_polls }) => secondsSince(last_polls[0]?.at),
  },
  {
    name: 'poll_overdue',
    help: '1 when no poll came for seven hours',
    value: ({ poll_overdue }) => (poll_overdue ? 1 : 0),
  },
]

type MakeGauge = (
  name: string,
  help: string,
  ...labelNames: string[]
) => { set: (labels: Record<string, string>, value: number) => void }

/** The metrics of feeds, messages and connections in Prometheus's format. Rejects when the database does not answer. */
export async function writeDatabaseMetrics(db: Database): Promise<string> {
  const registry = new Registry()
  const gauge: MakeGauge = (name, help, ...labelNames) =>
    new Gauge({ name: `storefeed_${name}`, help, labelNames, registers: [registry] })
  await setConnectionGauges(db, gauge)
  await setFeedGauges(db, gauge)
  await setOutboxGauges(db, gauge)
  return registry.metrics()
}

async function setConnectionGauges(db: Database, gauge: MakeGauge): Promise<void> {
  const started = performance.now()
  const counts = await countConnections(db)
  const responseTime = gauge(
    'database_response_seconds',
    'How long this request waited for a connection and its first response',
  )
  responseTime.set({}, (performance.now() - started) / 1000)
  const connections = gauge(
    'database_connections',
    'Connections of all servers to this database, by purpose and state',
    ...['pool', 'state'],
  )
  for (const { count, ...labels } of counts) connections.set(labels, count)
}

async function setFeedGauges(db: Database, gauge: MakeGauge): Promise<void> {
  const statuses = await readFeedStatuses(db)
  for (const { name, help, value } of feedGauges) {
    const feedGauge = gauge(`feed_${name}`, help, 'feed')
    for (const status of statuses) feedGauge.set({ feed: status.feed }, value(status))
  }
}

async function setOutboxGauges(db: Database, gauge: MakeGauge): Promise<void> {
  const labelNames = ['queue', 'status']
  const messages = gauge('outbox_messages', 'Messages that are not sent', ...labelNames)
  const ages = gauge(
    'outbox_oldest_message_age_seconds',
    'Age of the oldest of them; 0 when there is none',
    ...labelNames,
  )
  for (const { count, oldest_seconds, queue, status } of await countUnsent(db)) {
    const labels = { queue, status }
    messages.set(labels, count)
    ages.set(labels, oldest_seconds)
  }
  const paused = gauge('outbox_paused', '1 while Klaviyo rejects the credentials', 'queue')
  for (const { queue, raised } of await readQueueAlarms(db)) paused.set({ queue }, raised ? 1 : 0)
}
