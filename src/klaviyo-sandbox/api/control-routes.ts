/** In charge of the sandbox's own endpoints: look at what it holds, tell it how to behave, empty it. */
import { type Context, Hono } from 'hono'
import { z } from 'zod'
import { openAccount } from '../account/account.ts'
import { listEntries } from '../account/event-log.ts'
import { importFeed } from '../account/feed-import.ts'
import { createFaultInjector, faultsBody } from '../faults/fault-injector.ts'
import { settingsBody } from '../settings.ts'
import type { SandboxState } from '../state.ts'
import type { SandboxEnv } from './errors.ts'
import { parseJson } from './json-body.ts'
import { dropView, eventView, itemView, profileView, refusalView, statsView } from './resources.ts'

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
    state.account = openAccount()
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
    if (!query.success) return explain(c, query.error)
    const { journal } = state.account
    const entries = listEntries(journal, query.data)
    const next = entries.length === query.data.limit ? (entries.at(-1)?.sequence ?? null) : null
    return c.json({ events: entries.map((entry) => eventView(journal, entry)), next })
  })

  app.get('/drops', (c) => list(c, 'drops', state.account.journal.drops, dropView))
  app.get('/refusals', (c) => list(c, 'refusals', state.account.refusals, refusalView))
  app.get('/profiles', (c) => {
    const email = c.req.query('email')?.toLowerCase()
    const profiles = [...state.account.people.byId.values()].filter(
      (profile) => !email || profile.identifiers.email?.toLowerCase() === email,
    )
    return list(c, 'profiles', profiles, profileView)
  })
  app.get('/catalog', (c) => list(c, 'items', [...state.account.catalog.items.values()], itemView))
  app.get('/catalog/imports', (c) => c.json({ imports: state.account.catalog.reports }))
}

function addControls(app: Hono<SandboxEnv>, state: SandboxState): void {
  app.get('/faults', (c) => c.json(state.dice.faults))
  app.put('/faults', async (c) => {
    const body = await readControl(c, faultsBody)
    if (!body.success) return explain(c, body.error)
    state.dice = createFaultInjector(body.data)
    return c.json(state.dice.faults)
  })

  app.get('/settings', (c) => c.json(state.settings))
  app.put('/settings', async (c) => {
    const body = await readControl(c, settingsBody)
    if (!body.success) return explain(c, body.error)
    state.settings = body.data
    return c.json(state.settings)
  })

  app.post('/catalog/import', async (c) => {
    const body = await readControl(c, importBody)
    if (!body.success) return explain(c, body.error)
    const report = await importFeed(state.account.catalog, body.data.url)
    return c.json(report, report.fault ? 422 : 200)
  })
}

/** JSON only by its content-type, so that no web page elsewhere can steer a sandbox on this machine. */
async function readControl<Schema extends z.ZodType>(c: Context<SandboxEnv>, schema: Schema) {
  const isJson = c.req.header('content-type')?.startsWith('application/json')
  return schema.safeParse(isJson ? parseJson(await c.req.text()) : undefined)
}

/** Paged by place: `next` is the `after` of the next page. */
function list<Row>(
  c: Context<SandboxEnv>,
  name: string,
  rows: Row[],
  view: (row: Row) => unknown,
): Response {
  const query = listQuery.safeParse(c.req.query())
  if (!query.success) return explain(c, query.error)
  const { after, limit } = query.data
  const end = after + limit
  return c.json({ [name]: rows.slice(after, end).map(view), next: end < rows.length ? end : null })
}

function explain(c: Context<SandboxEnv>, error: z.ZodError): Response {
  return c.json(
    { error: `application/json of this shape is wanted: ${z.prettifyError(error)}` },
    400,
  )
}
