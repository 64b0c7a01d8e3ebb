/** In charge of the one account the sandbox plays: all that it holds, and what it does with an event that arrives. */

import type { ErrorRecord } from '../api/errors.ts'
import type { JsonObject } from '../api/json-object.ts'
import { openWindows, type Windows } from '../api/rate-limits.ts'
import { type Catalog, openCatalog } from './catalog.ts'
import {
  createEventLog,
  type DropReason,
  type EventLog,
  getMetric,
  saveDrop,
  saveEntry,
  type Transport,
} from './event-log.ts'
import { hasIdentifier, type ProfileInput } from './profile-input.ts'
import {
  createProfiles,
  findProfile,
  type Profile,
  type Profiles,
  saveProfile,
} from './profiles.ts'

const RESERVED_DOMAIN = /@(example|test)\.com$/i

type Counts = {
  /** Requests: every one received is accepted, refused, throttled or failed on purpose (`faults`). */
  received: number
  accepted: number
  refused: number
  throttled: number
  /** Requests sent before the time that a 429 had named. */
  early: number
  faults: Record<string, number>
  /** Events: every one in an accepted request is recorded, or dropped with a reason. */
  recorded: number
  dropped: Record<DropReason, number>
  profilesCreated: number
  profilesUpdated: number
}

export type Account = {
  counts: Counts
  journal: EventLog
  people: Profiles
  catalog: Catalog
  refusals: ErrorRecord[]
  windows: Windows
}

export function openAccount(): Account {
  return {
    counts: {
      received: 0,
      accepted: 0,
      refused: 0,
      throttled: 0,
      early: 0,
      faults: {},
      recorded: 0,
      dropped: { duplicate: 0, no_identifier: 0, unknown_profile: 0, reserved_domain: 0 },
      profilesCreated: 0,
      profilesUpdated: 0,
    },
    journal: createEventLog(),
    people: createProfiles(),
    catalog: openCatalog(),
    refusals: [],
    windows: openWindows(),
  }
}

/** An event in a request that was accepted. */
export type Arrival = {
  transport: Transport
  metric: string
  uniqueId: string | null
  timeMs: number | null
  value: number | null
  backfill: boolean
  properties: JsonObject
  person: ProfileInput
  body: JsonObject
}

export function takeEvent(account: Account, arrival: Arrival): void {
  const reason = findDropReason(account, arrival.person) ?? recordEvent(account, arrival)
  if (!reason) return
  account.counts.dropped[reason] += 1
  saveDrop(account.journal, reason, arrival.metric, arrival.body)
}

/** Says why it did not. The profile is merged even when the event is a repeat: a late repeat must do no harm. */
function recordEvent(account: Account, arrival: Arrival): DropReason | null {
  const { journal, counts } = account
  const { transport, value, backfill, properties } = arrival
  const profileId = takeProfile(account, arrival.person).profile.id
  const metric = getMetric(journal, arrival.metric)
  const timeMs = arrival.timeMs ?? Date.now()
  const uniqueId = arrival.uniqueId ?? String(Math.floor(timeMs / 1_000))
  const isOfTrack = transport === 'track' && arrival.uniqueId !== null
  const key = `${isOfTrack ? 'track' : profileId} ${metric.id} ${uniqueId}`
  if (journal.seen.has(key)) return 'duplicate'
  journal.seen.add(key)
  counts.recorded += 1
  const event = {
    metric: metric.name,
    uniqueId,
    order: textOf(properties.OrderId),
    profileId,
    time: new Date(timeMs - (timeMs % 1_000)).toISOString(),
    value,
    backfill,
    transport,
    ignored: Object.keys(properties).filter((name) => isIgnored(properties[name])),
  }
  saveEntry(journal, event, arrival.body)
  return null
}

export function takeProfile(
  account: Account,
  person: ProfileInput,
): { profile: Profile; isNew: boolean } {
  const saved = saveProfile(account.people, person)
  account.counts[saved.isNew ? 'profilesCreated' : 'profilesUpdated'] += 1
  return saved
}

function findDropReason(account: Account, person: ProfileInput): DropReason | null {
  if (!hasIdentifier(person)) return 'no_identifier'
  if (person.id && !findProfile(account.people, person)) return 'unknown_profile'
  return RESERVED_DOMAIN.test(person.identifiers.email ?? '') ? 'reserved_domain' : null
}

function isIgnored(value: unknown): boolean {
  return value === null || value === 0 || value === ''
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : null
}
