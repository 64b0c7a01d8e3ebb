/** The events that the account has recorded, in order of arrival, and those it dropped. */
import type { JsonObject } from '../api/json.ts'

/** Bodies are kept for the newest events only, to bound memory. */
const KEPT_BODIES = 1_000
const KEPT_DROPS = 1_000

export type Transport = 'events' | 'bulk' | 'track'

export type EventLogEntry = {
  /** Starts at 1. */
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
  /** Names of properties that Klaviyo ignores: null, 0 or "". */
  ignored: string[]
}

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
  eventLog: EventLog,
  event: Omit<EventLogEntry, 'sequence' | 'receivedAt'>,
  body: JsonObject,
): void {
  const sequence = eventLog.entries.length + 1
  const entry = { sequence, ...event, receivedAt: new Date() }
  eventLog.entries.push(entry)
  eventLog.bodies.set(sequence, body)
  eventLog.bodies.delete(sequence - KEPT_BODIES)
  if (!entry.order) return
  const ofOrder = eventLog.byOrder.get(entry.order)
  if (ofOrder) ofOrder.push(entry)
  else eventLog.byOrder.set(entry.order, [entry])
}

export function saveDrop(
  eventLog: EventLog,
  reason: DropReason,
  metric: string,
  body: JsonObject,
): void {
  eventLog.drops.push({ reason, metric, receivedAt: new Date(), body })
  if (eventLog.drops.length > KEPT_DROPS) eventLog.drops.shift()
}

/** As in Klaviyo, the first event of a name creates its metric. */
export function getMetric(eventLog: EventLog, name: string): Metric {
  const existing = eventLog.metrics.get(name)
  if (existing) return existing
  const id = `SAND${String(eventLog.metrics.size + 1).padStart(2, '0')}`
  const metric = { id, name, createdAt: new Date() }
  eventLog.metrics.set(name, metric)
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
export function listEntries(eventLog: EventLog, filter: EventFilter): EventLogEntry[] {
  const entries = filter.order ? (eventLog.byOrder.get(filter.order) ?? []) : eventLog.entries
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
