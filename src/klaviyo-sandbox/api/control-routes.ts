/** The sandbox's own endpoints: read its data, change its settings and faults, reset it. */
import { type Context, Hono } from 'hono'
import { z } from 'zod'
import { createAccount } from '../account/account.ts'
import { listEntries } from '../account/event-log.ts'
import { importFeed } from '../account/feed-import.ts'
import { createFaultInjector, faultsBody } from '../faults/fault-injector.ts'
import { type SandboxState, settingsBody } from '../state.ts'
import type { SandboxEnv } from './errors.ts'
import { parseJson } from './json.ts'
import { dropView, errorView, eventView, itemView, profileView, statsView } from './resources.ts'

const limit = z.coerce.number().int().min(1).max(10_000).default(100)

const eventQuery = z.object({
  order: z.string().optional(),
  metric: z.string().optional(),
  unique_id: z.string().optional(),
  profile_id: z.string().optional(),
  after: z.coerce.number().int().min(0).default(0),
  limit,
})

const listQuery = z.object({ after: z.coerce.number().int().min(0).default(0), limit })

const importBody = z.strictObject({ url: z.url({ protocol: /^https?$/ }) })

export function controlRoutes(state: SandboxState): Hono<SandboxEnv> {
  const app = new Hono<SandboxEnv>()
  app.delete('/', (c) => {
    state.account = createAccount()
    return c.body(null, 204)
  })
  addListings(app, state)
  addControls(app, state)
  return app
}

function addListings(app: Hono<SandboxEnv>, state: SandboxState): void {
  app.get('/stats', (c) => c.json(statsView(state.account)))

  app.get('/events', (c) => {
    const query = eventQuery.safeParse(c.req.query())
    if (!query.success) return badRequest(c, query.error)
    const { eventLog } = state.account
    const entries = listEntries(eventLog, query.data)
    const next = entries.length === query.data.limit ? (entries.at(-1)?.sequence ?? null) : null
    return c.json({ events: entries.map((entry) => eventView(eventLog, entry)), next })
  })

  app.get('/drops', (c) => list(c, 'drops', state.account.eventLog.drops, dropView))
  app.get('/errors', (c) => list(c, 'errors', state.account.errors, errorView))
  app.get('/profiles', (c) => {
    const email = c.req.query('email')?.toLowerCase()
    const profiles = [...state.account.profiles.byId.values()].filter(
      (profile) => !email || profile.identifiers.email?.toLowerCase() === email,
    )
    return list(c, 'profiles', profiles, profileView)
  })
  app.get('/catalog', (c) => list(c, 'items', [...state.account.catalog.items.values()], itemView))
  app.get('/catalog/imports', (c) => c.json({ imports: state.account.catalog.reports }))
}

function addControls(app: Hono<SandboxEnv>, state: SandboxState): void {
  app.get('/faults', (c) => c.json(state.faultInjector.faults))
  app.put('/faults', async (c) => {
    const body = await readJson(c, faultsBody)
    if (!body.success) return badRequest(c, body.error)
    state.faultInjector = createFaultInjector(body.data)
    return c.json(state.faultInjector.faults)
  })

  app.get('/settings', (c) => c.json(state.settings))
  app.put('/settings', async (c) => {
    const body = await readJson(c, settingsBody)
    if (!body.success) return badRequest(c, body.error)
    state.settings = body.data
    return c.json(state.settings)
  })

  app.post('/catalog/import', async (c) => {
    const body = await readJson(c, importBody)
    if (!body.success) return badRequest(c, body.error)
    const report = await importFeed(state.account.catalog, body.data.url)
    return c.json(report, report.error ? 422 : 200)
  })
}

/** Requires the JSON content-type, so that no website can control a sandbox on this machine (CSRF). */
async function readJson<Schema extends z.ZodType>(c: Context<SandboxEnv>, schema: Schema) {
  const isJson = c.req.header('content-type')?.startsWith('application/json')
  return schema.safeParse(isJson ? parseJson(await c.req.text()) : undefined)
}

/** Paged by offset: `next` is the `after` of the next page. */
function list<Row>(
  c: Context<SandboxEnv>,
  name: string,
  rows: Row[],
  view: (row: Row) => unknown,
): Response {
  const query = listQuery.safeParse(c.req.query())
  if (!query.success) return badRequest(c, query.error)
  const { after, limit } = query.data
  const end = after + limit
  return c.json({ [name]: rows.slice(after, end).map(view), next: end < rows.length ? end : null })
}

function badRequest(c: Context<SandboxEnv>, error: z.ZodError): Response {
  return c.json(
    { error: `Invalid request (bodies must be application/json): ${z.prettifyError(error)}` },
    400,
  )
}
