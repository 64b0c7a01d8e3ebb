/** In charge of Track and Identify, Klaviyo's API until 2024: a form field or a query parameter, answered by `1` or `0`. */
import { type Context, Hono } from 'hono'
import { z } from 'zod'
import { type Account, type Arrival, takeEvent, takeProfile } from '../account/account.ts'
import { hasIdentifier, trackProfileInput } from '../account/profile-input.ts'
import { faultInjection } from '../faults/fault-injection.ts'
import type { SandboxState } from '../state.ts'
import { errorResponse, recordError, type SandboxEnv } from './errors.ts'
import { parseJson } from './json-body.ts'
import { identifyPayload, type TrackPayload, trackPayload } from './track-schemas.ts'

export function trackRoutes(state: SandboxState): Hono<SandboxEnv> {
  const app = new Hono<SandboxEnv>()
  const strike = faultInjection(state, null)

  app.on(['GET', 'POST'], '/track', strike, (c) =>
    answer(c, state, trackPayload, (payload) => {
      if (state.dice.isBad(eventIdOf(payload)))
        return 'The sandbox was told to refuse this $event_id.'
      takeEvent(state.account, arrivalOf(payload))
      return null
    }),
  )

  app.on(['GET', 'POST'], '/identify', strike, (c) =>
    answer(c, state, identifyPayload, ({ properties }) => identify(state.account, properties)),
  )

  return app
}

/** `take` says what is wrong with the payload, or null. */
async function answer<Schema extends z.ZodType>(
  c: Context<SandboxEnv>,
  state: SandboxState,
  schema: Schema,
  take: (payload: z.output<Schema>) => string | null,
): Promise<Response> {
  if (state.settings.track_retired) {
    const detail = 'Track and Identify were retired on 30 June 2024. Use the Events API.'
    return errorResponse(c, 'gone', [{ detail, pointer: '/data/' }])
  }
  const read = schema.safeParse(await readData(c))
  const detail = read.success ? take(read.data) : z.prettifyError(read.error)
  if (detail) recordError(c, 200, [{ detail, pointer: '/data' }])
  return c.text(detail ? '0' : '1')
}

async function readData(c: Context<SandboxEnv>): Promise<unknown> {
  const query = c.req.query('data')
  if (query) return parseJson(Buffer.from(query, 'base64').toString('utf8'))
  if (c.req.method !== 'POST') return undefined
  const { data } = await c.req.parseBody()
  return typeof data === 'string' ? parseJson(data) : undefined
}

function identify(account: Account, properties: Record<string, unknown>): string | null {
  const person = trackProfileInput(properties)
  if (!hasIdentifier(person)) return 'properties need $email, $phone_number or $id'
  takeProfile(account, person)
  return null
}

function eventIdOf(payload: TrackPayload): string | null {
  const id = payload.properties.$event_id
  return id === undefined ? null : String(id)
}

function arrivalOf(payload: TrackPayload): Arrival {
  const { $event_id: _id, $value, ...properties } = payload.properties
  return {
    transport: 'track',
    metric: payload.event,
    uniqueId: eventIdOf(payload),
    timeMs: payload.time === undefined ? null : payload.time * 1_000,
    value: $value ?? null,
    backfill: false,
    properties,
    person: trackProfileInput(payload.customer_properties),
    body: payload,
  }
}
