/** In charge of the metrics for Prometheus, also while the database is away: then they are wanted most. */
import { OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import type { Logger } from 'pino'
import { z } from 'zod'
import { apiCredentials } from '../auth/credentials.ts'
import type { Database } from '../db/connection.ts'
import { type Authorize, describeErrors } from '../http/endpoint.ts'
import { AppError } from '../lib/errors.ts'
import { withTimeout } from '../lib/with-timeout.ts'
import { writeDatabaseMetrics } from './database-metrics.ts'
import type { Metrics } from './metrics.ts'

export type Monitored = { authorize: Authorize; metrics: Metrics; log: Logger }

/** Prometheus itself gives up after ten seconds, and the key may have taken five of them. */
const patienceMs = 4_000

/** Needs a key: how a business fares is not for everybody. */
export function metricsRoutes(db: Database, monitored: Monitored): OpenAPIHono {
  const app = new OpenAPIHono()
  app.openAPIRegistry.registerPath({
    method: 'get',
    path: '/metrics',
    operationId: 'getMetrics',
    summary: 'Figures for Prometheus',
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
  const { metrics, log } = monitored
  const admit = rememberingWhoMay(monitored.authorize)
  app.get('/metrics', async (c) => {
    await admit(c)
    const ofDatabase = await withTimeout(writeDatabaseMetrics(db), patienceMs).catch(
      (error: unknown) => {
        log.warn({ err: error }, 'the metrics that stand in the database cannot be had')
        return ''
      },
    )
    const text = `${await metrics.write()}${up(ofDatabase !== '')}${ofDatabase}`
    return c.body(text, 200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' })
  })
  return app
}

const up = (answered: boolean) =>
  `# HELP storefeed_database_up 1 when the database gave its metrics; those are missing otherwise
# TYPE storefeed_database_up gauge
storefeed_database_up ${answered ? 1 : 0}
`

/** A key that was good when this address last gave it is good there while the database cannot tell, as it is for feeds. */
function rememberingWhoMay(authorize: Authorize): (c: Context) => Promise<void> {
  const lastGood = new Set<string>()
  return async (c) => {
    const { address, key = '' } = apiCredentials(c)
    const caller = `${address} ${key}`
    try {
      await authorize(c, 'read')
      lastGood.add(caller)
    } catch (error) {
      if (error instanceof AppError) lastGood.delete(caller)
      if (!lastGood.has(caller)) throw error
    }
  }
}
