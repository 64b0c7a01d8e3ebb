import { OpenAPIHono } from '@hono/zod-openapi'
import type { Logger } from 'pino'
import { z } from 'zod'
import type { Database } from '../db/connection.ts'
import { describeErrors } from '../http/contract.ts'
import type { Authorize } from '../http/endpoint.ts'
import { withTimeout } from '../lib/with-timeout.ts'
import { writeDatabaseMetrics } from './database-metrics.ts'
import type { Metrics } from './metrics.ts'

type MetricsDeps = { authorize: Authorize; metrics: Metrics; log: Logger }

/** Prometheus gives up after ten seconds, and verifying the key may have taken five of them. */
const databaseTimeoutMs = 4_000

/** Answered while the database is away too, when metrics are needed most. Needs a key: sales are nobody else's business. */
export function metricsRoutes(db: Database, { authorize, metrics, log }: MetricsDeps): OpenAPIHono {
  const app = new OpenAPIHono()
  app.openAPIRegistry.registerPath({
    method: 'get',
    path: '/metrics',
    operationId: 'getMetrics',
    summary: 'Metrics for Prometheus',
    tags: ['health'],
    description: 'Needs a key with the scope `read`.',
    security: [{ key: [] }],
    responses: {
      200: {
        description: 'In the text format of Prometheus',
        content: { 'text/plain': { schema: z.string() } },
      },
      ...describeErrors(['unauthorized', 'forbidden', 'unavailable']),
    },
  })
  app.get('/metrics', async (c) => {
    await authorize(c, 'read')
    const ofDatabase = await withTimeout(writeDatabaseMetrics(db), databaseTimeoutMs).catch(
      (error: unknown) => {
        log.warn({ err: error }, 'the metrics of the database cannot be read')
        return ''
      },
    )
    const text = `${await metrics.write()}${databaseUp(ofDatabase !== '')}${ofDatabase}`
    return c.body(text, 200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' })
  })
  return app
}

const databaseUp = (isUp: boolean) =>
  `# HELP storefeed_database_up 1 when the database answered this request; its metrics are missing otherwise
# TYPE storefeed_database_up gauge
storefeed_database_up ${isUp ? 1 : 0}
`
