/** The account that the sandbox simulates: its data, and how it processes an incoming event. */
import type { ErrorRecord } from '../api/errors.ts'
import type { JsonObject } from '../api/json.ts'
import { createWindows, type Windows } from '../api/limits.ts'
import { type Catalog, createCatalog } from './catalog.ts'
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
  findPhoneHolder,
  findProfile,
  type Profile,
  type Profiles,
  saveProfile,
} from './profiles.ts'

const RESERVED_DOMAIN = /@(example|test)\.com$/i

type Counts = {
  /** Requests: each one received is accepted, rejected, throttled or hit by an injected fault. */
  received: number
  accepted: number
  rejected: number
  throttled: number
  /** Requests sent before the Retry-After of a 429 had passed. */
  early: number
  faults: Record<string, number>
  /** Events: each one in an accepted request is recorded, or dropped with a reason. */
  recorded: number
  dropped: Record<DropReason, number>
  profilesCreated: number
  profilesUpdated: number
}

export type Account = {
  counts: Counts
  eventLog: EventLog
  profiles: Profiles
  catalog: Catalog
  /** The newest rejected requests. */
  errors: ErrorRecord[]
  windows: Windows
}

export function createAccount(): Account {
  return {
    counts: {
      received: 0,
      accepted: 0,
      rejected: 0,
      throttled: 0,
      early: 0,
      faults: {},
      recorded: 0,
      dropped: { duplicate: 0, no_identifier: 0, unknown_profile: 0, reserved_domain: 0 },
      profilesCreated: 0,
      profilesUpdated: 0,
    },
    eventLog: createEventLog(),
    profiles: createProfiles(),
    catalog: createCatalog(),
    errors: [],
    windows: createWindows(),
  }
}

/** An event of an accepted request. */
export type IncomingEvent = {
  transport: Transport
  metric: string
  uniqueId: string | null
  timeMs: number | null
  value: number | null
  backfill: boolean
  properties: JsonObject
  profile: ProfileInput
  body: JsonObject
}

/** Returns whether it was recorded without the telephone number, which belongs to another profile than the e-mail. */
export function receiveEvent(account: Account, incoming: IncomingEvent): boolean {
  const isPartial = findPhoneHolder(account.profiles, incoming.profile) !== null
  const event = isPartial ? withoutPhone(incoming) : incoming
  const reason = findDropReason(account, event.profile) ?? recordEvent(account, event)
  if (!reason) return isPartial
  account.counts.dropped[reason] += 1
  saveDrop(account.eventLog, reason, incoming.metric, incoming.body)
  return isPartial
}

function withoutPhone(incoming: IncomingEvent): IncomingEvent {
  const { phone_number, ...identifiers } = incoming.profile.identifiers
  return { ...incoming, profile: { ...incoming.profile, identifiers } }
}

/** Returns why it did not. The profile is merged even for a duplicate event: a late retry must do no harm. */
function recordEvent(account: Account, incoming: IncomingEvent): DropReason | null {
  const { eventLog, counts } = account
  const { transport, value, backfill, properties } = incoming
  const profileId = upsertProfile(account, incoming.profile).profile.id
  const metric = getMetric(eventLog, incoming.metric)
  const timeMs = incoming.timeMs ?? Date.now()
  const uniqueId = incoming.uniqueId ?? String(Math.floor(timeMs / 1_000))
  const isFromTrack = transport === 'track' && incoming.uniqueId !== null
  const key = `${isFromTrack ? 'track' : profileId} ${metric.id} ${uniqueId}`
  if (eventLog.seen.has(key)) return 'duplicate'
  eventLog.seen.add(key)
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
  saveEntry(eventLog, event, incoming.body)
  return null
}

export function upsertProfile(
  account: Account,
  input: ProfileInput,
): { profile: Profile; isNew: boolean } {
  const saved = saveProfile(account.profiles, input)
  account.counts[saved.isNew ? 'profilesCreated' : 'profilesUpdated'] += 1
  return saved
}

function findDropReason(account: Account, input: ProfileInput): DropReason | null {
  if (!hasIdentifier(input)) return 'no_identifier'
  if (input.id && !findProfile(account.profiles, input)) return 'unknown_profile'
  return RESERVED_DOMAIN.test(input.identifiers.email ?? '') ? 'reserved_domain' : null
}

function isIgnored(value: unknown): boolean {
  return value === null || value === 0 || value === ''
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : null
}
