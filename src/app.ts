/** In charge of the HTTP application: hangs every route, and answers whatever goes wrong. */
import { OpenAPIHono } from '@hono/zod-openapi'
import type { Logger } from 'pino'
import type { Config } from './config.ts'
import type { Database } from './db/connect.ts'
import type { Authorize } from './routes/authorize.ts'
import { availabilityRoutes } from './routes/availability.ts'
import { limitBody } from './routes/body-limit.ts'
import { customerRoutes } from './routes/customers.ts'
import { docsRoutes } from './routes/docs.ts'
import { eventRoutes } from './routes/events.ts'
import { describeFeeds } from './routes/feed-contract.ts'
import { feedStatusRoutes } from './routes/feed-status.ts'
import type { Figures } from './routes/figures.ts'
import { healthRoutes } from './routes/health.ts'
import { keyRoutes } from './routes/keys.ts'
import { metricsRoutes } from './routes/metrics.ts'
import { orderRoutes } from './routes/orders.ts'
import { answerProblem } from './routes/problem.ts'
import { productRoutes } from './routes/products.ts'
import { type CountRequest, countRequests } from './routes/rate-limits.ts'
import { requestLog } from './routes/request-log.ts'
import { storeRoutes } from './routes/stores.ts'
import { refuserOfUnknown } from './routes/unknown-address.ts'
import { visitRoutes } from './routes/visits.ts'
import { version } from './version.ts'

const maxBodyBytes = 10_000_000

export type AppParts = {
  db: Database
  config: Pick<Config, 'publicUrl' | 'currency'>
  log: Logger
  figures: Figures
  /** False once the process has begun to stop. */
  accepting: () => boolean
  authorize: Authorize
  count: CountRequest
  workMs: number
}

export function createApp(parts: AppParts): OpenAPIHono {
  const { db, config, log, figures, authorize, workMs } = parts
  const app = new OpenAPIHono()
  app.use(requestLog(log, figures))
  app.use(countRequests(parts.count))
  app.use(limitBody(maxBodyBytes))
  app.onError(answerProblem)

  app.route('/', healthRoutes(db, parts))
  describeFeeds(app)

  const door = { app, authorize, workMs }
  app.route('/', metricsRoutes(db, { authorize, figures, log }))
  productRoutes(door, db)
  storeRoutes(door, db)
  availabilityRoutes(door, db)
  feedStatusRoutes(door, db, config.publicUrl)
  customerRoutes(door, db)
  orderRoutes(door, db, config.currency)
  visitRoutes(door, db)
  eventRoutes(door, db)
  keyRoutes(door, db)
  docsRoutes(app, version)

  const refuseUnknown = refuserOfUnknown(app)
  app.notFound((c) => {
    throw refuseUnknown(c.req.path)
  })
  return app
}
