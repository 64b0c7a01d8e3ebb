/** Starts the server: database, feeds, HTTP and background work; stops them in order. */
import type { Server } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import type { Logger } from 'pino'
import { bearerAuthorizer, feedAuthorizer } from '../auth/authorize.ts'
import { createKeyVerifier } from '../auth/key-verifier.ts'
import { createKnownKeys, type KnownKeys } from '../auth/known-keys.ts'
import { requestCounter } from '../auth/rate-limits.ts'
import type { Config, KlaviyoConfig } from '../config.ts'
import { type Connection, connect } from '../db/connection.ts'
import { createFeedService } from '../feeds/feed-service.ts'
import {
  type FeedHandlerDeps,
  feedListener,
  limitUncompressedStreams,
} from '../feeds/poll-listener.ts'
import { createPollLog } from '../feeds/poll-log.ts'
import { lookUpPoller } from '../feeds/poller.ts'
import { rendererOf } from '../feeds/renderer.ts'
import { shutdown } from '../http/graceful-shutdown.ts'
import { createHttpServer, type Listener } from '../http/http-server.ts'
import { type Limits, limits as usualLimits } from '../http/limits.ts'
import { respondToMalformedRequest } from '../http/problem.ts'
import { createImportRuns } from '../import-export/import-runs.ts'
import {
  createKlaviyoSender,
  type KlaviyoSender,
  readRatesLeft,
  warnOfDestination,
} from '../klaviyo/sender/klaviyo.ts'
import type { DrainOptions } from '../klaviyo/sender/sender.ts'
import { AppError } from '../lib/errors.ts'
import { prepareToSend } from '../outbox/queue.ts'
import { countOutcomes } from '../outbox/settle.ts'
import { type AppDeps, createApp } from './app.ts'
import { startSender, startWorker, type Worker } from './background.ts'
import type { ServerState } from './health-routes.ts'
import { createMetrics, type Metrics } from './metrics.ts'

export type RunningServer = {
  url: string
  /** For `graceMs` and until no requests come, the server only reports that it is not ready, so that load balancers notice before connections are refused. */
  stop: (graceMs?: number) => Promise<void>
}

const defaultPort = 3000
const anyAddress = '0.0.0.0'

/** The database must be migrated. Stops in order: readiness, new requests, requests in progress, background work, connections. */
export async function startServer(
  config: Config,
  databaseUrl: string,
  log: Logger,
  limits = usualLimits,
  addRoutes?: AppDeps['addRoutes'],
): Promise<RunningServer> {
  const web = connect(databaseUrl, { purpose: 'web', statementMs: limits.statementMs })
  // So that no poll waits for a slow request to release its connection.
  const keys = connect(databaseUrl, { max: 4, purpose: 'keys', queryMs: limits.keyQueryMs })
  const queryMs = limits.backgroundQueryMs
  const background = connect(databaseUrl, { max: 6, purpose: 'background', queryMs })
  const metrics = createMetrics()
  const warn = (message: string, error: unknown) => log.warn({ err: error }, message)
  const renderer = rendererOf(config, limits.listPieceBytes)
  const feeds = createFeedService(background.db, {
    ...renderer,
    maxDrop: config.feedMaxDrop,
    waitMs: config.feedWaitMs,
    onRefresh: metrics.countRefresh,
    warn,
  })
  const pollLog = createPollLog(background.db, warn)
  const state: ServerState = { stopping: false, loading: true }
  const knownKeys = createKnownKeys(keys.db)
  /** What it takes to serve feeds while the database is away. */
  async function load() {
    await knownKeys.load()
    await feeds.load()
    state.loading = false
  }
  const imports = createImportRuns({ db: web.db, currency: config.currency, log })
  const shown = { feeds, pollLog, metrics, state, renderer }
  const parts = { db: web.db, pollDb: background.db, knownKeys, ...shown, imports, addRoutes }
  const server = createHttpServer(listener(parts, config, log, limits), limits)
  const sending = connect(databaseUrl, { max: 3, purpose: 'push', queryMs })
  const pools = { web, keys, background, push: sending }
  metrics.watchPools(() =>
    Object.entries(pools).map(([pool, { waiting }]) => ({ pool, waiting: waiting() })),
  )
  const closeAll = async () => {
    await pollLog.stop()
    await Promise.all(Object.values(pools).map(({ close }) => close()))
  }
  const klaviyo = createKlaviyoSender(config.klaviyo, log, { onSend: metrics.countSend })
  try {
    if (klaviyo) await prepareToSend(sending.db, config.klaviyo.backfillAfterMs)
    // The last step that can fail: a process that already listens would keep running, half started.
    await listen(server, config)
  } catch (error) {
    await closeAll()
    throw error
  }
  warnOfDestination(config.klaviyo, log)
  const worker = startWorker(background, { ...feeds, load }, config.klaviyo.retentionMs, log)
  // Null without a key: then messages wait.
  const sender = klaviyo && startPush(klaviyo, config.klaviyo, sending, log, metrics)

  return {
    url: urlOf(server, config),
    async stop(graceMs = 0) {
      state.stopping = true
      await shutdown(server, graceMs)
      await Promise.all([worker.stop(), sender?.stop(), imports.stop()])
      await closeAll()
    },
  }
}

type Parts = Pick<AppDeps, 'db' | 'metrics' | 'state' | 'renderer' | 'imports' | 'addRoutes'> &
  Pick<FeedHandlerDeps, 'feeds' | 'pollLog'> & { pollDb: AppDeps['db']; knownKeys: KnownKeys }

function listener(parts: Parts, config: Config, log: Logger, limits: Limits): Listener {
  const { db, pollDb, knownKeys, state, renderer, feeds, pollLog, metrics, imports, addRoutes } =
    parts
  const verifier = createKeyVerifier(knownKeys.lookup, limits, knownKeys.lastKnown)
  const count = requestCounter(config.rateLimit, verifier.isTrusted)
  const answerPoll = feedListener({
    feeds,
    pollLog,
    authorize: feedAuthorizer(
      count,
      config.feedsPublic ? undefined : verifier.verifyBy(lookUpPoller(pollDb, knownKeys)),
    ),
    uncompressedStreams: limitUncompressedStreams(limits),
    log,
    countPoll: metrics.countPoll,
  })
  const app = createApp({
    db,
    config,
    log,
    metrics,
    state,
    renderer,
    feedProgress: feeds.progress,
    feeds,
    count,
    verify: verifier.verify,
    authorize: bearerAuthorizer(verifier.verify),
    authorizeMetrics: bearerAuthorizer(verifier.verifyOrLastKnown),
    workMs: limits.workMs,
    addRoutes,
    imports,
  })
  const answerRest = getRequestListener(app.fetch, { errorHandler: respondToMalformedRequest })
  return (request, response) => {
    if (answerPoll(request, response)) return
    // It is then answered as a request without one.
    if (!plainHost.test(request.headers.host ?? '')) delete request.headers.host
    void answerRest(request, response)
  }
}

/** A host as others send it; a "?" or "/" in one would end it, and so change the path. */
const plainHost = /^[\w.:[\]-]+$/

function startPush(
  sender: KlaviyoSender,
  { pushEveryMs }: KlaviyoConfig,
  sending: Connection,
  log: Logger,
  metrics: Metrics,
): Worker {
  metrics.watchRates(() => readRatesLeft(sender))
  const onBatch: DrainOptions['onBatch'] = (queue, outcomes) => {
    for (const [status, count] of Object.entries(countOutcomes(outcomes)))
      metrics.countMessages(queue, status, count)
  }
  return startSender(sending, { sender, log, onBatch }, pushEveryMs)
}

function listen(server: Server, { host, port }: Config): Promise<void> {
  const wanted = port ?? defaultPort
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = new AppError(
        'conflict',
        `Port ${wanted} is in use by another program. Set PORT to another one.`,
      )
      reject(error.code === 'EADDRINUSE' ? taken : error)
    })
    server.listen(wanted, host ?? anyAddress, resolve)
  })
}

function urlOf(server: Server, { host, publicUrl }: Config): string {
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : defaultPort
  const isAny = host === null || host === anyAddress || host === '::'
  return publicUrl ?? `http://${isAny ? 'localhost' : host}:${port}`
}
