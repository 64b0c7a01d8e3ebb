/** In charge of a running server: puts database, feeds, HTTP and background together, and takes them apart in order. */
import { createServer, type Server } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { getRequestListener } from '@hono/node-server'
import type { Logger } from 'pino'
import { createApp } from './app.ts'
import { type Config, currencyDecimals } from './config.ts'
import { connect } from './db/connect.ts'
import { Refusal } from './errors.ts'
import { createFeedReader } from './feeds/feed-reader.ts'
import { createPollLog } from './feeds/poll-log.ts'
import { createPost } from './klaviyo/post.ts'
import { prepareToSend } from './klaviyo/sender.ts'
import { feedAuthorizer } from './routes/authorize.ts'
import { feedListener } from './routes/feeds.ts'
import { startSender, startWorker } from './worker.ts'

export type RunningServer = {
  url: string
  /** For `graceMs` everything is still answered but readiness, so that balancers notice before a connection is refused. */
  stop: (graceMs?: number) => Promise<void>
}

const defaultPort = 3000
/** How long answers under way may take to end once the server stops. */
const drainMs = 10_000
/** An answer that began before the stop leaves its connection open. */
const sweepMs = 50
/** What a feed's items look like; to be raised with every change of it, so that all of them are rendered again. */
const itemLook = 1

/** The database is migrated already. Stops in order: not ready any more, no new requests, the answers under way, the background, the connections. */
export async function startServer(
  config: Config,
  databaseUrl: string,
  log: Logger,
): Promise<RunningServer> {
  const web = connect(databaseUrl)
  const background = connect(databaseUrl, { max: 6 })
  const warn = (message: string, error: unknown) => log.warn({ err: error }, message)
  const decimals = currencyDecimals(config.currency)
  const reader = createFeedReader(background.db, {
    decimals,
    recipe: `look ${itemLook}, ${decimals} decimals`,
    maxDrop: config.feedMaxDrop,
    waitMs: config.feedWaitMs,
    warn,
  })
  const pollLog = createPollLog(background.db, warn)
  let accepting = true
  const app = createApp({ db: web.db, config, log, accepting: () => accepting })
  const authorize = feedAuthorizer(web.db, config.feedsPublic)
  const answerPoll = feedListener({ reader, pollLog, authorize, log })
  const answerRest = getRequestListener(app.fetch)
  const server = createServer((request, response) => {
    if (!accepting) response.setHeader('Connection', 'close')
    return answerPoll(request, response) || answerRest(request, response)
  })
  const sending = connect(databaseUrl, { max: 3 })
  const closeAll = async () => {
    await pollLog.stop()
    await Promise.all([web.close(), background.close(), sending.close()])
  }
  const post = createPost(config.klaviyo, log)
  try {
    if (post) await prepareToSend(sending.db, config.klaviyo.backfillAfterMs)
    // Last of all that can fail: who listens and then ends badly would go on, half a server.
    await listen(server, config)
  } catch (error) {
    await closeAll()
    throw error
  }
  const worker = startWorker(background, reader, config.klaviyo.retentionDays, log)
  // Null without a key: then messages wait.
  const sender = post && startSender(sending, { post, log }, config.klaviyo.pushEveryMs)

  return {
    url: urlOf(server, config),
    async stop(graceMs = 0) {
      accepting = false
      await sleep(graceMs)
      await drain(server)
      await Promise.all([worker.stop(), sender?.stop()])
      await closeAll()
    },
  }
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

/** Idle connections are closed as soon as they are; who is being answered gets the answer, within reason. */
async function drain(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve))
  const sweep = setInterval(() => server.closeIdleConnections(), sweepMs)
  const timer = setTimeout(() => server.closeAllConnections(), drainMs)
  await closed
  clearInterval(sweep)
  clearTimeout(timer)
}
