/** The HTTP application: every route, and one renderer of errors. */
import { OpenAPIHono } from '@hono/zod-openapi'
import type { Logger } from 'pino'
import { keyRoutes } from '../auth/key-routes.ts'
import type { KeyVerifier } from '../auth/key-verifier.ts'
import { type CountRequest, countRequests } from '../auth/rate-limits.ts'
import { availabilityRoutes } from '../catalog/availability-routes.ts'
import { bulkRoutes } from '../catalog/bulk-routes.ts'
import { catalogRoutes } from '../catalog/catalog-routes.ts'
import { productResource } from '../catalog/products.ts'
import { storeResource } from '../catalog/stores.ts'
import { valuesRoutes } from '../catalog/values-routes.ts'
import type { Config } from '../config.ts'
import { consoleRoutes } from '../console/console-routes.tsx'
import { customerRoutes } from '../customers/customer-routes.ts'
import { visitRoutes } from '../customers/visit-routes.ts'
import type { Database } from '../db/connection.ts'
import { feedItemRoutes } from '../feeds/feed-item-routes.ts'
import { feedStatusRoutes } from '../feeds/feed-routes.ts'
import type { FeedService } from '../feeds/feed-service.ts'
import { describeFeeds } from '../feeds/poll-contract.ts'
import { reportRoutes } from '../feeds/report-routes.ts'
import { historyRoutes } from '../history/history-routes.ts'
import { limitBody } from '../http/body-limit.ts'
import { compressAnswers } from '../http/compression.ts'
import type { Authorize } from '../http/endpoint.ts'
import { notFoundHandler } from '../http/not-found.ts'
import { docsRoutes } from '../http/openapi-routes.ts'
import { respondWithProblem } from '../http/problem.ts'
import { requestLog } from '../http/request-log.ts'
import { startPage } from '../http/start-page.ts'
import { exportRoutes } from '../import-export/export-routes.ts'
import { importRoutes } from '../import-export/import-routes.ts'
import type { ImportRuns } from '../import-export/import-runs.ts'
import { version } from '../lib/version.ts'
import { orderRoutes } from '../orders/order-routes.ts'
import { eventRoutes } from '../outbox/event-routes.ts'
import { type Health, healthRoutes } from './health-routes.ts'
import type { Metrics } from './metrics.ts'
import { metricsRoutes } from './metrics-routes.ts'

export type AppDeps = Pick<Health, 'state' | 'renderer' | 'feedProgress'> & {
  db: Database
  config: Pick<Config, 'publicUrl' | 'currency' | 'maxListBytes' | 'storeProductIds'>
  log: Logger
  metrics: Metrics
  authorize: Authorize
  authorizeMetrics: Authorize
  count: CountRequest
  verify: KeyVerifier['verify']
  feeds: Pick<FeedService, 'poll'>
  workMs: number
  /** Of the demo. */
  addRoutes?: ((app: OpenAPIHono) => void) | undefined
  imports: ImportRuns
}

export function createApp(deps: AppDeps): OpenAPIHono {
  const { db, config, log, metrics, authorize, workMs } = deps
  const app = new OpenAPIHono()
  app.use(requestLog(log, metrics.countRequest))
  app.use(countRequests(deps.count))
  app.use(limitBody)
  app.use('/v1/*', compressAnswers)
  app.onError(respondWithProblem)

  app.route('/', healthRoutes(db, deps))
  describeFeeds(app)

  const api = { app, authorize, workMs }
  app.route('/', metricsRoutes(db, { authorize: deps.authorizeMetrics, metrics, log }))
  catalogRoutes(api, db, productResource, config)
  bulkRoutes(api, db, productResource, config)
  catalogRoutes(api, db, storeResource, config)
  bulkRoutes(api, db, storeResource, config)
  availabilityRoutes(api, db, config)
  valuesRoutes(api, db)
  feedStatusRoutes(api, db, config)
  historyRoutes(api, db)
  reportRoutes(api, db, config)
  feedItemRoutes(api, db, { ...config, feeds: deps.feeds })
  customerRoutes(api, db)
  orderRoutes(api, db, config.currency)
  visitRoutes(api, db)
  eventRoutes(api, db)
  importRoutes(api, db, deps.imports)
  exportRoutes(api, db)
  keyRoutes(api, db)
  docsRoutes(app, version)
  startPage(app, version)
  deps.addRoutes?.(app)
  consoleRoutes(app, { db, verify: deps.verify, publicUrl: config.publicUrl })

  const notFound = notFoundHandler(app)
  app.notFound((c) => {
    throw notFound(c.req.path)
  })
  return app
}
