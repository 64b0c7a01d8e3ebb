/** Track and Identify, Klaviyo's API until 2024: JSON in a form field or query parameter, answered with `1` or `0`. */
import { type Context, Hono } from 'hono'
import { z } from 'zod'
import {
  type Account,
  type IncomingEvent,
  receiveEvent,
  upsertProfile,
} from '../account/account.ts'
import { hasIdentifier, readTrackProfile } from '../account/profile-input.ts'
import { badItem, injectFaults } from '../faults/fault-injection.ts'
import type { SandboxState } from '../state.ts'
import { errorResponse, recordError, type SandboxEnv } from './errors.ts'
import { parseJson } from './json.ts'
import { LIMITS } from './limits.ts'
import { DAY_MS, jsonObject } from './schemas.ts'

const token = z.string().min(1, 'token is required: the public API key')

/** `$event_id` is a text or a number; only a numeric `$value` counts as revenue. */
const trackPayload = z.object({
  token,
  event: z.string().min(1).max(LIMITS.metricCharacters),
  customer_properties: jsonObject,
  properties: z
    .looseObject({
      $event_id: z.union([z.string().min(1), z.number()]).optional(),
      $value: z.number().optional(),
    })
    .default({}),
  time: z
    .number('Must be a UNIX timestamp in seconds.')
    .min(0)
    .refine((seconds) => seconds * 1_000 <= Date.now() + LIMITS.daysAhead * DAY_MS, {
      error: 'Must be at most one year in the future: seconds, not milliseconds.',
    })
    .optional(),
})

const identifyPayload = z.object({ token, properties: jsonObject })

type TrackPayload = z.infer<typeof trackPayload>

export function trackRoutes(state: SandboxState): Hono<SandboxEnv> {
  const app = new Hono<SandboxEnv>()
  const faults = injectFaults(state, null)

  app.on(['GET', 'POST'], '/track', faults, (c) =>
    respond(c, state, trackPayload, (payload) => {
      if (state.faultInjector.isBad(eventIdOf(payload))) return badItem('$event_id')
      receiveEvent(state.account, incomingEvent(payload))
      return null
    }),
  )

  app.on(['GET', 'POST'], '/identify', faults, (c) =>
    respond(c, state, identifyPayload, ({ properties }) => identify(state.account, properties)),
  )

  return app
}

/** `handle` returns what is wrong with the payload, or null. */
async function respond<Schema extends z.ZodType>(
  c: Context<SandboxEnv>,
  state: SandboxState,
  schema: Schema,
  handle: (payload: z.output<Schema>) => string | null,
): Promise<Response> {
  if (state.settings.track_retired) {
    const detail = 'Track and Identify were retired on 30 June 2024. Use the Events API.'
    return errorResponse(c, 'gone', [{ detail, pointer: '/data/' }])
  }
  const payload = schema.safeParse(await readPayload(c))
  const detail = payload.success ? handle(payload.data) : z.prettifyError(payload.error)
  if (detail) recordError(c, 200, [{ detail, pointer: '/data' }])
  return c.text(detail ? '0' : '1')
}

async function readPayload(c: Context<SandboxEnv>): Promise<unknown> {
  const query = c.req.query('data')
  if (query) return parseJson(Buffer.from(query, 'base64').toString('utf8'))
  if (c.req.method !== 'POST') return undefined
  const { data } = await c.req.parseBody()
  return typeof data === 'string' ? parseJson(data) : undefined
}

function identify(account: Account, properties: Record<string, unknown>): string | null {
  const profile = readTrackProfile(properties)
  if (!hasIdentifier(profile)) return 'properties need $email, $phone_number or $id'
  upsertProfile(account, profile)
  return null
}

function eventIdOf(payload: TrackPayload): string | null {
  const id = payload.properties.$event_id
  return id === undefined ? null : String(id)
}

function incomingEvent(payload: TrackPayload): IncomingEvent {
  const { $event_id: _id, $value, ...properties } = payload.properties
  return {
    transport: 'track',
    metric: payload.event,
    uniqueId: eventIdOf(payload),
    timeMs: payload.time === undefined ? null : payload.time * 1_000,
    value: $value ?? null,
    backfill: false,
    properties,
    profile: readTrackProfile(payload.customer_properties),
    body: payload,
  }
}
