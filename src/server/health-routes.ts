import { OpenAPIHono } from '@hono/zod-openapi'
import type { Logger } from 'pino'
import { z } from 'zod'
import type { Database } from '../db/connection.ts'
import { readDatabaseProblems } from '../db/database-state.ts'
import { isUnreachable } from '../db/postgres-error.ts'
import { readFeedProblems } from '../feeds/feed-status.ts'
import { describeErrors } from '../http/endpoint.ts'
import { TimeoutError, withTimeout } from '../lib/with-timeout.ts'
import { readDeliveryProblems } from '../outbox/delivery-problems.ts'

export type Health = {
  /** False once the server is stopping, so that a load balancer sends it nothing more. */
  accepting: () => boolean
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
      503: described('It is stopping, or cannot work with its database', readiness),
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

async function check(db: Database, { accepting, log }: Health): Promise<Readiness> {
  const stopping = { ready: false, problems: ['The server is stopping.'] }
  if (!accepting()) return stopping
  try {
    const readiness = await withTimeout(checkDatabase(db), databaseTimeoutMs)
    // It may have begun to stop meanwhile.
    return accepting() ? readiness : stopping
  } catch (error) {
    if (isUnreachable(error) || error instanceof TimeoutError)
      return { ready: false, problems: ['The database does not answer.'] }
    log.error({ err: error }, 'the state of the database could not be read')
    return { ready: false, problems: ['The database answers with an error; see the log.'] }
  }
}

/**
 * A held or late feed and rejected Klaviyo credentials are reported, but are no reason to send requests elsewhere: every
 * copy of the server has the same problem, and serves.
 */
async function checkDatabase(db: Database): Promise<Readiness> {
  const fatal = await readDatabaseProblems(db)
  if (fatal.length > 0) return { ready: false, problems: fatal }
  const problems = [...(await readFeedProblems(db)), ...(await readDeliveryProblems(db))]
  return { ready: true, problems }
}

const described = (description: string, schema: z.ZodType) => ({
  description,
  content: { 'application/json': { schema } },
})
