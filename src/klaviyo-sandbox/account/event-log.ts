/** In charge of the events the account has recorded, in the order in which they came, and of those it dropped. */
import type { JsonObject } from '../api/json-object.ts'

/** Bodies are kept for the newest events only; what tells order and repeats is kept of every event. */
const KEPT_BODIES = 1_000
const KEPT_DROPS = 1_000

export type Transport = 'events' | 'bulk' | 'track'

export type EventLogEntry = {
  /** 1 for the first event the account ever recorded. */
  sequence: number
  metric: string
  uniqueId: string
  /** The event's OrderId. */
  order: string | null
  profileId: string
  time: string
  receivedAt: Date
  value: number | null
  backfill: boolean
  transport: Transport
  /** Names of properties that Klaviyo takes no notice of: null, 0 or "". */
  ignored: string[]
}

/** In words a person can act on: shown on the page and counted by `/sandbox/stats`. */
export const DROP_REASONS = {
  duplicate: 'an event of this profile, metric and unique_id was recorded before',
  no_identifier: 'the profile has no e-mail, phone number or other identifier',
  unknown_profile: 'the account has no profile of this id',
  reserved_domain: 'Klaviyo drops addresses at example.com and test.com',
} as const

export type DropReason = keyof typeof DROP_REASONS

export type Drop = { reason: DropReason; metric: string; receivedAt: Date; body: JsonObject }

export type Metric = { id: string; name: string; createdAt: Date }

export type EventLog = {
  entries: EventLogEntry[]
  byOrder: Map<string, EventLogEntry[]>
  bodies: Map<number, JsonObject>
  metrics: Map<string, Metric>
  seen: Set<string>
  drops: Drop[]
}

export function createEventLog(): EventLog {
  return {
    entries: [],
    byOrder: new Map(),
    bodies: new Map(),
    metrics: new Map(),
    seen: new Set(),
    drops: [],
  }
}

export function saveEntry(
  journal: EventLog,
  event: Omit<EventLogEntry, 'sequence' | 'receivedAt'>,
  body: JsonObject,
): void {
  const sequence = journal.entries.length + 1
  const entry = { sequence, ...event, receivedAt: new Date() }
  journal.entries.push(entry)
  journal.bodies.set(sequence, body)
  journal.bodies.delete(sequence - KEPT_BODIES)
  if (!entry.order) return
  const ofOrder = journal.byOrder.get(entry.order)
  if (ofOrder) ofOrder.push(entry)
  else journal.byOrder.set(entry.order, [entry])
}

export function saveDrop(
  journal: EventLog,
  reason: DropReason,
  metric: string,
  body: JsonObject,
): void {
  journal.drops.push({ reason, metric, receivedAt: new Date(), body })
  if (journal.drops.length > KEPT_DROPS) journal.drops.shift()
}

/** A metric comes to be with its first event, as in Klaviyo. */
export function getMetric(journal: EventLog, name: string): Metric {
  const known = journal.metrics.get(name)
  if (known) return known
  const id = `SAND${String(journal.metrics.size + 1).padStart(2, '0')}`
  const metric = { id, name, createdAt: new Date() }
  journal.metrics.set(name, metric)
  return metric
}

export type EventFilter = {
  order?: string | undefined
  metric?: string | undefined
  unique_id?: string | undefined
  profile_id?: string | undefined
  /** Only events of a higher sequence. */
  after: number
  limit: number
}

/** Oldest first. */
export function listEntries(journal: EventLog, filter: EventFilter): EventLogEntry[] {
  const entries = filter.order ? (journal.byOrder.get(filter.order) ?? []) : journal.entries
  const found: EventLogEntry[] = []
  for (let index = filter.order ? 0 : filter.after; index < entries.length; index++) {
    const entry = entries[index]
    if (entry && matches(entry, filter)) found.push(entry)
    if (found.length === filter.limit) break
  }
  return found
}

function matches(entry: EventLogEntry, filter: EventFilter): boolean {
  return (
    entry.sequence > filter.after &&
    (!filter.metric || entry.metric === filter.metric) &&
    (!filter.unique_id || entry.uniqueId === filter.unique_id) &&
    (!filter.profile_id || entry.profileId === filter.profile_id)
  )
}
