import { OpenAPIHono } from '@hono/zod-openapi'
import type { Logger } from 'pino'
import { z } from 'zod'
import type { Database } from '../db/connection.ts'
import { readDatabaseProblems } from '../db/database-state.ts'
import { readFixedRowProblems } from '../db/fixed-rows.ts'
import { isUnreachable } from '../db/postgres-error.ts'
import type { FeedService } from '../feeds/feed-service.ts'
import { readFeedProblems } from '../feeds/feed-status.ts'
import type { Renderer } from '../feeds/renderer.ts'
import { describeErrors } from '../http/contract.ts'
import { TimeoutError, withTimeout } from '../lib/with-timeout.ts'
import { readDeliveryProblems } from '../outbox/delivery-problems.ts'

export type ServerState = {
  /** A load balancer is to send it nothing more. */
  stopping: boolean
  /** It could not serve feeds yet if it lost the database. */
  loading: boolean
}

export type Health = {
  /** Changes while the server runs. */
  state: ServerState
  renderer: Renderer
  /** What share of a refresh that is under way in this process is done. */
  feedProgress: FeedService['progress']
  log: Logger
}

/** Load balancers and monitoring do not wait long themselves. */
const databaseTimeoutMs = 3_000

const alive = z.strictObject({ status: z.literal('alive') })
const readiness = z
  .strictObject({ status: z.enum(['ready', 'not ready']), problems: z.array(z.string()) })
  .meta({ id: 'Readiness' })

export function healthRoutes(db: Database, health: Health): OpenAPIHono {
  const app = new OpenAPIHono()
  const { openAPIRegistry: registry } = app
  registry.registerPath({
    method: 'get',
    path: '/healthz',
    operationId: 'getHealth',
    summary: 'Whether the process runs',
    tags: ['health'],
    security: [],
    responses: { 200: described('It runs', alive), ...describeErrors([]) },
  })
  app.get('/healthz', (c) => c.json({ status: 'alive' }))

  registry.registerPath({
    method: 'get',
    path: '/readyz',
    operationId: 'getReadiness',
    summary: 'Whether the server can do its work',
    tags: ['health'],
    security: [],
    responses: {
      200: described('It can; other problems are listed', readiness),
      503: described('It is starting or stopping, or cannot work with its database', readiness),
      ...describeErrors([]),
    },
  })
  app.get('/readyz', async (c) => {
    const { ready, problems } = await check(db, health)
    if (!ready) return c.json({ status: 'not ready', problems }, 503)
    return c.json({ status: 'ready', problems })
  })
  return app
}

type Readiness = { ready: boolean; problems: string[] }

const notReady = (problem: string): Readiness => ({ ready: false, problems: [problem] })

async function check(
  db: Database,
  { state, renderer, feedProgress, log }: Health,
): Promise<Readiness> {
  const stopping = notReady('The server is stopping.')
  if (state.stopping) return stopping
  try {
    const readiness = await withTimeout(
      checkDatabase(db, renderer, feedProgress),
      databaseTimeoutMs,
    )
    // It may have begun to stop meanwhile.
    if (state.stopping) return stopping
    return state.loading && readiness.ready
      ? notReady('The server is loading its feeds.')
      : readiness
  } catch (error) {
    if (isUnreachable(error) || error instanceof TimeoutError)
      return notReady('The database does not answer.')
    log.error({ err: error }, 'the state of the database could not be read')
    return notReady('The database answers with an error; see the log.')
  }
}

/**
 * A held or late feed, servers that render otherwise, missing rows and rejected Klaviyo credentials are reported, but are no
 * reason to send requests elsewhere: every copy of the server has the same problem, and serves.
 */
async function checkDatabase(
  db: Database,
  renderer: Renderer,
  feedProgress: Health['feedProgress'],
): Promise<Readiness> {
  const fatal = await readDatabaseProblems(db)
  if (fatal.length > 0) return { ready: false, problems: fatal }
  const problems = [
    ...(await readFixedRowProblems(db)),
    ...(await readFeedProblems(db, renderer, feedProgress)),
    ...(await readDeliveryProblems(db)),
  ]
  return { ready: true, problems }
}

const described = (description: string, schema: z.ZodType) => ({
  description,
  content: { 'application/json': { schema } },
})
