/** In charge of a running server: puts database, feeds, HTTP and background together, and takes them apart in order. */
import type { Server } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import type { Logger } from 'pino'
import { type AppParts, createApp } from './app.ts'
import { type Config, currencyDecimals, type KlaviyoConfig } from './config.ts'
import { type Connection, connect, type Database } from './db/connect.ts'
import { inTime } from './db/in-time.ts'
import { Refusal } from './errors.ts'
import { createFeedReader } from './feeds/feed-reader.ts'
import { createPollLog } from './feeds/poll-log.ts'
import { createPost, type Post, readRatesLeft, warnOfDestination } from './klaviyo/post.ts'
import { type Drain, prepareToSend } from './klaviyo/sender.ts'
import { bearerAuthorizer, feedAuthorizer } from './routes/authorize.ts'
import { type FeedDoor, feedListener } from './routes/feeds.ts'
import { createFigures, type Figures } from './routes/figures.ts'
import { createHttpServer, type Listener } from './routes/http-server.ts'
import { identityStreams } from './routes/identity-streams.ts'
import { createKeyGate } from './routes/key-gate.ts'
import { leave } from './routes/leave.ts'
import { type Limits, limits as usualLimits } from './routes/limits.ts'
import { answerUnreadable } from './routes/problem.ts'
import { requestCounter } from './routes/rate-limits.ts'
import { scopesOfKey } from './services/keys.ts'
import { sharedWorkByName } from './shared-work.ts'
import { startSender, startWorker, type Worker } from './worker.ts'

export type RunningServer = {
  url: string
  /** For `graceMs` and until nobody asks any more, everything is still answered but readiness, so that balancers notice before a connection is refused. */
  stop: (graceMs?: number) => Promise<void>
}

const defaultPort = 3000
/** Of one key: so that the process has something to do while Postgres answers. */
const keyLooksAtOnce = 2
/** What a feed's items look like and how they are parted into slots; to be raised with every change of it, so that all are rendered again. */
const itemLook = 2

/** The database is migrated already. Stops in order: not ready any more, no new requests, the answers under way, the background, the connections. */
export async function startServer(
  config: Config,
  databaseUrl: string,
  log: Logger,
  limits = usualLimits,
): Promise<RunningServer> {
  const web = connect(databaseUrl, { purpose: 'web', statementMs: limits.statementMs })
  // So that no poll waits for a slow request to let go of its connection.
  const keys = connect(databaseUrl, { max: 4, purpose: 'keys' })
  const background = connect(databaseUrl, { max: 6, purpose: 'background' })
  const figures = createFigures()
  const warn = (message: string, error: unknown) => log.warn({ err: error }, message)
  const decimals = currencyDecimals(config.currency)
  const reader = createFeedReader(background.db, {
    decimals,
    recipe: `look ${itemLook}, ${decimals} decimals`,
    maxDrop: config.feedMaxDrop,
    waitMs: config.feedWaitMs,
    onRefresh: figures.countRefresh,
    warn,
  })
  const pollLog = createPollLog(background.db, warn)
  let accepting = true
  const parts = { db: web.db, keys: keys.db, reader, pollLog, figures, accepting: () => accepting }
  const server = createHttpServer(listener(parts, config, log, limits), limits)
  const sending = connect(databaseUrl, { max: 3, purpose: 'push' })
  const pools = { web, keys, background, push: sending }
  figures.watchPools(() =>
    Object.entries(pools).map(([pool, { waiting }]) => ({ pool, waiting: waiting() })),
  )
  const closeAll = async () => {
    await pollLog.stop()
    await Promise.all(Object.values(pools).map(({ close }) => close()))
  }
  const post = createPost(config.klaviyo, log, { onSend: figures.countSend })
  try {
    if (post) await prepareToSend(sending.db, config.klaviyo.backfillAfterMs)
    // Last of all that can fail: who listens and then ends badly would go on, half a server.
    await listen(server, config)
  } catch (error) {
    await closeAll()
    throw error
  }
  warnOfDestination(config.klaviyo, log)
  const worker = startWorker(background, reader, config.klaviyo.retentionDays, log)
  // Null without a key: then messages wait.
  const sender = post && startPush(post, config.klaviyo, sending, log, figures)

  return {
    url: urlOf(server, config),
    async stop(graceMs = 0) {
      accepting = false
      await leave(server, graceMs)
      await Promise.all([worker.stop(), sender?.stop()])
      await closeAll()
    },
  }
}

type Parts = Pick<AppParts, 'db' | 'figures' | 'accepting'> &
  Pick<FeedDoor, 'reader' | 'pollLog'> & { keys: Database }

/** Polls and all other requests, behind one gate. */
function listener(parts: Parts, config: Config, log: Logger, limits: Limits): Listener {
  const { db, accepting, reader, pollLog, figures } = parts
  // Many requests with one key at once ask for it once, but never by a look that began before them.
  const look = sharedWorkByName(
    (key) => inTime(scopesOfKey(parts.keys, key), limits.keyCheckMs),
    keyLooksAtOnce,
  )
  // Waiting for the look before counts too.
  const ask = (key: string) => inTime(look(key), limits.keyCheckMs)
  const gate = createKeyGate(limits.wrongKeys)
  const count = requestCounter(config.rateLimit, gate.isTrusted)
  const answerPoll = feedListener({
    reader,
    pollLog,
    authorize: feedAuthorizer(ask, config.feedsPublic, { gate, count }),
    streams: identityStreams(limits),
    log,
    figures,
  })
  const authorize = bearerAuthorizer(ask, gate)
  const { workMs } = limits
  const app = createApp({ db, config, log, figures, accepting, authorize, count, workMs })
  const answerRest = getRequestListener(app.fetch, { errorHandler: answerUnreadable })
  return (request, response) => {
    if (!answerPoll(request, response)) void answerRest(request, response)
  }
}

function startPush(
  post: Post,
  { pushEveryMs }: KlaviyoConfig,
  sending: Connection,
  log: Logger,
  figures: Figures,
): Worker {
  figures.watchRates(() => readRatesLeft(post))
  const onRound: Drain['onRound'] = (_, round, lane) => {
    for (const [outcome, count] of Object.entries(round))
      figures.countMessages(lane, outcome, count)
  }
  return startSender(sending, { post, log, onRound }, pushEveryMs)
}

function listen(server: Server, { host, port }: Config): Promise<void> {
  const wanted = port ?? defaultPort
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = new Refusal(
        'conflict',
        `Port ${wanted} is in use by another program. Set PORT to another one.`,
      )
      reject(error.code === 'EADDRINUSE' ? taken : error)
    })
    server.listen(wanted, host, resolve)
  })
}

function urlOf(server: Server, { host, publicUrl }: Config): string {
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : defaultPort
  return publicUrl ?? `http://${host === '0.0.0.0' || host === '::' ? 'localhost' : host}:${port}`
}
