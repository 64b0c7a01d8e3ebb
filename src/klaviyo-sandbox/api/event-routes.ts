/** The Events API: single and bulk. */
import { type Context, Hono } from 'hono'
import { type IncomingEvent, receiveEvent } from '../account/account.ts'
import type { Transport } from '../account/event-log.ts'
import { identityOf, type ProfileInput, readProfile } from '../account/profile-input.ts'
import { badItem, findBadIdentifiers } from '../faults/fault-injection.ts'
import type { FaultInjector } from '../faults/fault-injector.ts'
import type { SandboxState } from '../state.ts'
import { type ErrorDetail, errorResponse, type SandboxEnv } from './errors.ts'
import { readBody } from './json.ts'
import { LIMITS } from './limits.ts'
import { writeMiddleware } from './middleware.ts'
import {
  type BulkItem,
  bulkBody,
  type EventAttributes,
  eventBody,
  type ProfileData,
} from './schemas.ts'

const ITEMS = '/data/attributes/events-bulk-create/data'

/** An event with the JSON pointers of its attributes and of its profile's. */
type LocatedEvent = { event: IncomingEvent; pointer: string; profilePointer: string }

export function eventRoutes(state: SandboxState): Hono<SandboxEnv> {
  const app = new Hono<SandboxEnv>()
  const single = writeMiddleware(state, 'events', 'events:write')
  const bulk = writeMiddleware(state, 'bulk', 'events:write')

  app.post('/events', ...single, async (c) => {
    const body = await readBody(c, eventBody, LIMITS.eventBytes)
    if (!body.ok) return errorResponse(c, body.code, body.details)
    const { attributes } = body.value.data
    const event = incomingEvent('events', attributes, readProfile(attributes.profile.data))
    const pointer = '/data/attributes'
    const errors = findBadItems(state.faultInjector, [
      { event, pointer, profilePointer: `${pointer}/profile/data/attributes` },
    ])
    if (errors.length > 0) return errorResponse(c, 'invalid', errors)
    return accepted(c, receiveEvent(state.account, event))
  })

  app.post('/event-bulk-create-jobs', ...bulk, async (c) => {
    const body = await readBody(c, bulkBody, LIMITS.bulkBytes)
    if (!body.ok) return errorResponse(c, body.code, body.details)
    const events = body.value.data.attributes['events-bulk-create'].data.flatMap(locateEvents)
    const errors = [
      ...findTooMany(events),
      ...findDuplicates(events),
      ...findBadItems(state.faultInjector, events),
    ]
    if (errors.length > 0) return errorResponse(c, 'invalid', errors)
    const partial = events.filter(({ event }) => receiveEvent(state.account, event))
    return accepted(c, partial.length > 0)
  })

  return app
}

function accepted(c: Context<SandboxEnv>, isPartial: boolean): Response {
  if (isPartial) c.header('X-Klaviyo-Partial-Failure', 'phone_number')
  return c.body(null, 202)
}

function locateEvents(item: BulkItem, index: number): LocatedEvent[] {
  const { profile, events, backfill } = item.attributes
  const input = readProfile(profile.data)
  return events.data.map(({ attributes }, position) => ({
    event: incomingEvent(
      'bulk',
      { ...attributes, backfill: attributes.backfill ?? backfill, profile },
      input,
    ),
    pointer: `${ITEMS}/${index}/attributes/events/data/${position}/attributes`,
    profilePointer: `${ITEMS}/${index}/attributes/profile/data/attributes`,
  }))
}

function incomingEvent(
  transport: Transport,
  attributes: EventAttributes & { profile: { data: ProfileData } },
  profile: ProfileInput,
): IncomingEvent {
  return {
    transport,
    metric: attributes.metric.data.attributes.name,
    uniqueId: attributes.unique_id ?? null,
    timeMs: attributes.time ? Date.parse(attributes.time) : null,
    value: attributes.value ?? null,
    backfill: attributes.backfill ?? false,
    properties: attributes.properties,
    profile,
    body: attributes,
  }
}

function findTooMany({ length }: LocatedEvent[]): ErrorDetail[] {
  if (length <= LIMITS.bulkEvents) return []
  const detail = `Must not exceed ${LIMITS.bulkEvents} events, has ${length}.`
  return [{ detail, pointer: ITEMS }]
}

/** Klaviyo rejects a request that repeats a unique_id for the same profile and metric. */
function findDuplicates(events: LocatedEvent[]): ErrorDetail[] {
  const seen = new Set<string>()
  return events.flatMap(({ event, pointer }) => {
    if (!event.uniqueId) return []
    const key = JSON.stringify([identityOf(event.profile), event.metric, event.uniqueId])
    if (seen.has(key)) {
      const detail = 'The unique_id is repeated for the same profile and metric.'
      return [{ detail, pointer: `${pointer}/unique_id` }]
    }
    seen.add(key)
    return []
  })
}

function findBadItems(faultInjector: FaultInjector, events: LocatedEvent[]): ErrorDetail[] {
  const badEvents = events
    .filter(({ event }) => faultInjector.isBad(event.uniqueId))
    .map(({ pointer }) => ({ detail: badItem('unique_id'), pointer: `${pointer}/unique_id` }))
  const badIdentifiers = events.flatMap(({ event, profilePointer }) =>
    findBadIdentifiers(faultInjector, event.profile, profilePointer),
  )
  return [...badEvents, ...badIdentifiers]
}
