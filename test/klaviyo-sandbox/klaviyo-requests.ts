/** Requests as a client of Klaviyo sends them, and requests to the sandbox's own endpoints. */
import { onTestFinished } from 'vitest'
import { z } from 'zod'
import { type RunningSandbox, startSandbox } from '../../src/klaviyo-sandbox/listen.ts'
import type { SandboxOptions } from '../../src/klaviyo-sandbox/state.ts'

export const HEADERS = {
  authorization: 'Klaviyo-API-Key pk_test',
  revision: '2026-07-15',
  'content-type': 'application/vnd.api+json',
}

/** Listens on a free port until the test ends. */
export async function openSandbox(options: SandboxOptions = {}): Promise<RunningSandbox> {
  const sandbox = await startSandbox({ port: 0, ...options })
  onTestFinished(() => sandbox.stop())
  return sandbox
}

export function send(
  sandbox: RunningSandbox,
  path: string,
  body: unknown,
  headers: Record<string, string> = HEADERS,
): Promise<Response> {
  return fetch(`${sandbox.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
}

export function sendForm(sandbox: RunningSandbox, path: string, payload: unknown) {
  const body = new URLSearchParams({ data: JSON.stringify(payload) })
  return fetch(`${sandbox.url}${path}`, { method: 'POST', body })
}

export function control(sandbox: RunningSandbox, method: string, path: string, body: unknown) {
  const headers = { 'content-type': 'application/json' }
  return fetch(`${sandbox.url}${path}`, { method, headers, body: JSON.stringify(body) })
}

export async function read(sandbox: RunningSandbox, path: string): Promise<unknown> {
  const response = await fetch(`${sandbox.url}${path}`)
  return response.json()
}

const listing = z.object({ next: z.number().nullable() }).catchall(z.array(z.looseObject({})))

/** The rows of one page of any listing. */
export async function list(sandbox: RunningSandbox, path: string) {
  const { next: _next, ...lists } = listing.parse(await read(sandbox, path))
  return Object.values(lists).flat()
}

const stats = z.object({
  requests: z.looseObject({}),
  events: z.looseObject({}),
  profiles: z.looseObject({}),
})

export async function statsOf(sandbox: RunningSandbox) {
  return stats.parse(await read(sandbox, '/sandbox/stats'))
}

const errorBody = z.object({
  errors: z.array(
    z.looseObject({
      status: z.number(),
      code: z.string(),
      detail: z.string(),
      source: z.object({ pointer: z.string() }),
    }),
  ),
})

export async function errorsOf(response: Response) {
  return errorBody.parse(await response.json()).errors
}

export type EventParts = {
  email?: string
  metric?: string
  profile?: object
  properties?: object
} & Record<string, unknown>

const DEFAULT_EMAIL = 'john.smith@klaviyo-demo.com'

function metricOf(name = 'Placed Order') {
  return { data: { type: 'metric', attributes: { name } } }
}

function profileOf({ email = DEFAULT_EMAIL, profile = { email } }: EventParts) {
  return { data: { type: 'profile', attributes: profile } }
}

/** Other keys become attributes of the event. */
export function eventBody(parts: EventParts = {}) {
  const { email: _email, metric, profile: _profile, properties = {}, ...rest } = parts
  const attributes = { properties, metric: metricOf(metric), profile: profileOf(parts), ...rest }
  return { data: { type: 'event', attributes } }
}

export function bulkBody(events: EventParts[]) {
  const data = events.map((parts) => {
    const { profile, ...attributes } = eventBody(parts).data.attributes
    return {
      type: 'event-bulk-create',
      attributes: { profile, events: { data: [{ type: 'event', attributes }] } },
    }
  })
  const attributes = { 'events-bulk-create': { data } }
  return { data: { type: 'event-bulk-create-job', attributes } }
}
