/** The account's data as JSON: Klaviyo's resources, and the views of the sandbox's own endpoints. */
import type { Account } from '../account/account.ts'
import type { CatalogItem } from '../account/catalog.ts'
import {
  DROP_REASONS,
  type Drop,
  type EventLog,
  type EventLogEntry,
  type Metric,
} from '../account/event-log.ts'
import type { Profile } from '../account/profiles.ts'
import type { ErrorRecord } from './errors.ts'

const CREATED = '2026-01-01T00:00:00+00:00'

export function accountResource() {
  return {
    type: 'account',
    id: 'SANDBX',
    attributes: {
      test_account: true,
      contact_information: {
        default_sender_name: 'storefeed sandbox',
        default_sender_email: 'sandbox@klaviyo-demo.com',
        website_url: null,
        organization_name: 'storefeed sandbox',
      },
      industry: null,
      timezone: 'UTC',
      preferred_currency: 'USD',
      public_api_key: 'SANDBX',
      locale: 'en-US',
      created: CREATED,
    },
    links: { self: '/api/accounts/SANDBX' },
  }
}

export function metricResource(metric: Metric) {
  const created = metric.createdAt.toISOString()
  return {
    type: 'metric',
    id: metric.id,
    attributes: { name: metric.name, created, updated: created, integration: { name: 'API' } },
    links: { self: `/api/metrics/${metric.id}` },
  }
}

export function profileResource(profile: Profile) {
  return {
    type: 'profile',
    id: profile.id,
    attributes: profileView(profile),
    links: { self: `/api/profiles/${profile.id}` },
  }
}

export function profileView(profile: Profile) {
  return {
    id: profile.id,
    ...profile.identifiers,
    ...profile.fields,
    location: profile.location,
    properties: profile.properties,
    created: profile.createdAt.toISOString(),
    updated: profile.updatedAt.toISOString(),
  }
}

/** `body` is null for all but the newest events. */
export function eventView(eventLog: EventLog, entry: EventLogEntry) {
  return {
    sequence: entry.sequence,
    metric: entry.metric,
    unique_id: entry.uniqueId,
    order: entry.order,
    profile_id: entry.profileId,
    time: entry.time,
    received_at: entry.receivedAt.toISOString(),
    value: entry.value,
    backfill: entry.backfill,
    transport: entry.transport,
    ignored_properties: entry.ignored,
    body: eventLog.bodies.get(entry.sequence) ?? null,
  }
}

export function dropView(drop: Drop) {
  return {
    reason: drop.reason,
    detail: DROP_REASONS[drop.reason],
    metric: drop.metric,
    received_at: drop.receivedAt.toISOString(),
    body: drop.body,
  }
}

export function errorView({ at, method, path, status, details }: ErrorRecord) {
  return { at: at.toISOString(), method, path, status, details }
}

export function itemView(item: CatalogItem) {
  return { source: item.source, ...item.fields }
}

export function statsView(account: Account) {
  const { counts } = account
  return {
    requests: {
      received: counts.received,
      accepted: counts.accepted,
      rejected: counts.rejected,
      throttled: counts.throttled,
      early: counts.early,
      faults: counts.faults,
    },
    events: {
      recorded: counts.recorded,
      duplicates: counts.dropped.duplicate,
      dropped: counts.dropped,
    },
    profiles: {
      total: account.profiles.byId.size,
      created: counts.profilesCreated,
      updated: counts.profilesUpdated,
    },
    catalog: { items: account.catalog.items.size },
  }
}
