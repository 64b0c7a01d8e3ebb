/** In charge of telling whether this process lives, and whether it can do its work. */
import { OpenAPIHono } from '@hono/zod-openapi'
import type { Logger } from 'pino'
import { z } from 'zod'
import type { Database } from '../db/connection.ts'
import { readDatabaseProblems } from '../db/database-state.ts'
import { isUnreachable } from '../db/postgres-error.ts'
import { readFeedProblems } from '../feeds/feed-status.ts'
import { describeErrors } from '../http/endpoint.ts'
import { TimeoutError, withTimeout } from '../lib/with-timeout.ts'
import { readDeliveryProblems } from '../outbox/queue.ts'

export type Health = {
  /** False once the process has begun to stop, so that a balancer sends it nothing more. */
  accepting: () => boolean
  log: Logger
}

/** Balancers and monitors do not wait long themselves. */
const patienceMs = 3_000

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
    summary: 'Whether the process lives',
    tags: ['health'],
    responses: { 200: described('It does', alive), ...describeErrors([]) },
  })
  app.get('/healthz', (c) => c.json({ status: 'alive' }))

  registry.registerPath({
    method: 'get',
    path: '/readyz',
    operationId: 'getReadiness',
    summary: 'Whether the server can do its work',
    tags: ['health'],
    responses: {
      200: described('It can; what else is wrong is told', readiness),
      503: described('It stops, or its database lets it do nothing', readiness),
      ...describeErrors([]),
    },
  })
  app.get('/readyz', async (c) => {
    const { ready, problems } = await examine(db, health)
    if (!ready) return c.json({ status: 'not ready', problems }, 503)
    return c.json({ status: 'ready', problems })
  })
  return app
}

type Readiness = { ready: boolean; problems: string[] }

async function examine(db: Database, { accepting, log }: Health): Promise<Readiness> {
  const stopping = { ready: false, problems: ['The server is stopping.'] }
  if (!accepting()) return stopping
  try {
    const found = await withTimeout(examineDatabase(db), patienceMs)
    // The stop may have begun meanwhile.
    return accepting() ? found : stopping
  } catch (error) {
    if (isUnreachable(error) || error instanceof TimeoutError)
      return { ready: false, problems: ['The database does not answer.'] }
    log.error({ err: error }, 'the database could not be examined')
    return { ready: false, problems: ['The database answers with an error, which the log tells.'] }
  }
}

/**
 * A held feed, one that lags or a key that Klaviyo refuses is told, and is no reason to send requests elsewhere: every
 * copy of the server fares the same, and serves.
 */
async function examineDatabase(db: Database): Promise<Readiness> {
  const faults = await readDatabaseProblems(db)
  if (faults.length > 0) return { ready: false, problems: faults }
  const problems = [...(await readFeedProblems(db)), ...(await readDeliveryProblems(db))]
  return { ready: true, problems }
}

const described = (description: string, schema: z.ZodType) => ({
  description,
  content: { 'application/json': { schema } },
})
