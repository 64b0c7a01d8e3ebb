/** In charge of today's API for events: one by one, and in bulk. */
import { Hono } from 'hono'
import { type Account, type Arrival, takeEvent } from '../account/account.ts'
import type { Transport } from '../account/event-log.ts'
import { identityOf, type ProfileInput, profileInput } from '../account/profile-input.ts'
import type { FaultInjector } from '../faults/fault-injector.ts'
import type { SandboxState } from '../state.ts'
import { findBadIdentifiers } from './bad-identifiers.ts'
import { type ErrorDetail, errorResponse, type SandboxEnv } from './errors.ts'
import { readBody } from './json-body.ts'
import { LIMITS } from './limits.ts'
import { writeGates } from './middleware.ts'
import {
  type BulkItem,
  bulkBody,
  type EventAttributes,
  eventBody,
  type ProfileData,
} from './schemas.ts'

const ITEMS = '/data/attributes/events-bulk-create/data'

/** Where in the body the event stands, and where what says whose it is. */
type Placed = { arrival: Arrival; pointer: string; profilePointer: string }

export function eventRoutes(state: SandboxState): Hono<SandboxEnv> {
  const app = new Hono<SandboxEnv>()
  const single = writeGates(state, 'events', 'events:write')
  const bulk = writeGates(state, 'bulk', 'events:write')

  app.post('/events', ...single, async (c) => {
    const body = await readBody(c, eventBody, LIMITS.eventBytes)
    if (!body.ok) return errorResponse(c, body.kind, body.details)
    const { attributes } = body.value.data
    const arrival = arrivalOf('events', attributes, profileInput(attributes.profile.data))
    const pointer = '/data/attributes'
    const faults = findBad(state.dice, [
      { arrival, pointer, profilePointer: `${pointer}/profile/data/attributes` },
    ])
    if (faults.length > 0) return errorResponse(c, 'invalid', faults)
    takeEvent(state.account, arrival)
    return c.body(null, 202)
  })

  app.post('/event-bulk-create-jobs', ...bulk, async (c) => {
    const body = await readBody(c, bulkBody, LIMITS.bulkBytes)
    if (!body.ok) return errorResponse(c, body.kind, body.details)
    const placed = body.value.data.attributes['events-bulk-create'].data.flatMap(placeItem)
    const faults = [...findTooMany(placed), ...findRepeats(placed), ...findBad(state.dice, placed)]
    if (faults.length > 0) return errorResponse(c, 'invalid', faults)
    takeAll(state.account, placed)
    return c.body(null, 202)
  })

  return app
}

function takeAll(account: Account, placed: Placed[]): void {
  for (const { arrival } of placed) takeEvent(account, arrival)
}

function placeItem(item: BulkItem, index: number): Placed[] {
  const { profile, events, backfill } = item.attributes
  const person = profileInput(profile.data)
  return events.data.map((event, position) => ({
    arrival: arrivalOf(
      'bulk',
      { ...event.attributes, backfill: event.attributes.backfill ?? backfill, profile },
      person,
    ),
    pointer: `${ITEMS}/${index}/attributes/events/data/${position}/attributes`,
    profilePointer: `${ITEMS}/${index}/attributes/profile/data/attributes`,
  }))
}

function arrivalOf(
  transport: Transport,
  attributes: EventAttributes & { profile: { data: ProfileData } },
  person: ProfileInput,
): Arrival {
  return {
    transport,
    metric: attributes.metric.data.attributes.name,
    uniqueId: attributes.unique_id ?? null,
    timeMs: attributes.time ? Date.parse(attributes.time) : null,
    value: attributes.value ?? null,
    backfill: attributes.backfill ?? false,
    properties: attributes.properties,
    person,
    body: attributes,
  }
}

function findTooMany(placed: Placed[]): ErrorDetail[] {
  if (placed.length <= LIMITS.bulkEvents) return []
  const detail = `Must not exceed ${LIMITS.bulkEvents} events, has ${placed.length}.`
  return [{ detail, pointer: ITEMS }]
}

/** Klaviyo: a unique_id repeated for the same profile and metric fails the request. */
function findRepeats(placed: Placed[]): ErrorDetail[] {
  const seen = new Set<string>()
  return placed.flatMap(({ arrival, pointer }) => {
    if (!arrival.uniqueId) return []
    const key = JSON.stringify([identityOf(arrival.person), arrival.metric, arrival.uniqueId])
    if (seen.has(key)) {
      const detail = 'The unique_id is repeated for the same profile and metric.'
      return [{ detail, pointer: `${pointer}/unique_id` }]
    }
    seen.add(key)
    return []
  })
}

function findBad(dice: FaultInjector, placed: Placed[]): ErrorDetail[] {
  const bad = placed
    .filter(({ arrival }) => dice.isBad(arrival.uniqueId))
    .map(({ pointer }) => ({
      detail: 'The sandbox was told to refuse this unique_id.',
      pointer: `${pointer}/unique_id`,
    }))
  const ofNobody = placed.flatMap(({ arrival, profilePointer }) =>
    findBadIdentifiers(dice, arrival.person, profilePointer),
  )
  return [...bad, ...ofNobody]
}
