/** `storefeed demo`: a server with a sample catalog, a Klaviyo sandbox and simulated orders. */
import type { Command } from 'commander'
import type { Logger } from 'pino'
import { ensureKey } from '../../auth/api-keys.ts'
import type { Config } from '../../config.ts'
import { createSignInLink } from '../../console/sessions.ts'
import { connect } from '../../db/connection.ts'
import { limits } from '../../http/limits.ts'
import { type RunningSandbox, startSandbox } from '../../klaviyo-sandbox/listen.ts'
import { AppError } from '../../lib/errors.ts'
import { startLoop } from '../../lib/loop.ts'
import { codeOf } from '../../lib/system-error.ts'
import { createLogger } from '../../server/logger.ts'
import { type RunningServer, startServer } from '../../server/server.ts'
import { openDatabase } from '../open-database.ts'
import { print, waitForShutdownSignal } from '../terminal.ts'
import { importDemoCatalog } from './demo-catalog.ts'
import { type DemoKeys, demoKeys } from './demo-keys.ts'
import { simulateOrders } from './demo-orders.ts'
import { pictureRoutes, showPictures } from './pictures/pictures.ts'

export function demoCommand(program: Command, readConfig: () => Config): void {
  program
    .command('demo')
    .description('Start a server with a sample catalog, to try storefeed')
    .action(async () => demo(readConfig()))
}

async function demo(config: Config): Promise<void> {
  const log = createLogger(config.logLevel === 'info' ? 'warn' : config.logLevel)
  print('Starting storefeed with a sample catalog …')
  const database = await openDatabase(config, { migrates: true, say: print })
  try {
    const sandbox = await onFreePort(sandboxPort, (port) => startSandbox({ port }))
    await run(config, database.url, sandbox, log).finally(sandbox.stop)
  } finally {
    await database.close()
  }
}

/** Until SIGINT or SIGTERM. */
async function run(
  config: Config,
  databaseUrl: string,
  sandbox: RunningSandbox,
  log: Logger,
): Promise<void> {
  const { db, close } = connect(databaseUrl, { max: 2 })
  try {
    const keys = await demoKeys(config)
    await ensureKey(db, keys.admin, { name: 'API_KEY', scopes: ['admin'] })
    await ensureKey(db, keys.feeds, { name: 'demo feeds', scopes: ['feeds'] })
    await importDemoCatalog(db, config.currency)
    const server = await startOnFreePort(sendingTo(sandbox.url, config), databaseUrl, log)
    sandbox.state.settings.console_url = server.url
    await showPictures(db, server.url)
    const onError = (error: unknown) =>
      log.warn({ err: error }, 'the simulation failed and is tried again')
    const orders = simulateOrders(db, config.currency, onError)
    const polls = startLoop(() => pollAsKlaviyo(sandbox, server.url, keys), {
      ...pollSchedule,
      onError,
    })
    const link = await createSignInLink(db, keys.admin)
    print(welcome(server.url, sandbox.url, keys, link))
    await waitForShutdownSignal()
    print('Stopping …')
    await Promise.all([orders.stop(), polls.stop()])
    await server.stop()
  } finally {
    await close()
  }
}

const pollSchedule = { everyMs: 60_000, pauseMs: 0, idleRatio: 0 }
const sandboxPort = 3001

/** Overrides the settings: sample orders never reach Klaviyo, and without HOST nobody else reaches the demo. */
function sendingTo(url: string, config: Config): Config {
  return {
    ...config,
    host: config.host ?? '127.0.0.1',
    klaviyo: { ...config.klaviyo, url, apiKey: 'demo-private-key', publicKey: 'DEMOID' },
  }
}

/** Klaviyo polls every six hours; the sandbox polls every minute and shows what it received. */
async function pollAsKlaviyo(
  sandbox: RunningSandbox,
  url: string,
  { feeds }: DemoKeys,
): Promise<void> {
  for (const feed of ['products', 'stores']) {
    const body = JSON.stringify({ url: `${url}/feeds/${feed}.json?key=${feeds}` })
    await sandbox.app.request('/sandbox/catalog/import', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body,
    })
  }
}

/** Another demo may use the default port; a port that is set is not changed. */
function startOnFreePort(config: Config, databaseUrl: string, log: Logger): Promise<RunningServer> {
  const start = (port: number | null) =>
    startServer({ ...config, port }, databaseUrl, log, limits, pictureRoutes)
  return config.port === null ? onFreePort(null, start) : start(config.port)
}

/** On the default port, or on any other when that is in use. */
async function onFreePort<T, P extends number | null>(
  defaultPort: P,
  start: (port: P | 0) => Promise<T>,
): Promise<T> {
  try {
    return await start(defaultPort)
  } catch (error) {
    const inUse = error instanceof AppError || codeOf(error) === 'EADDRINUSE'
    if (!inUse) throw error
    return start(0)
  }
}

const welcome = (url: string, sandboxUrl: string, keys: DemoKeys, link: string | null) => `
storefeed serves a sample catalog.

  Console        ${url}/console/sign-in/${link}   signs in once, from this machine; later by the API key

  Product feed   ${url}/feeds/products.json?key=${keys.feeds}
                 ${url}/feeds/products.xml?key=${keys.feeds}
  Store feed     ${url}/feeds/stores.json?key=${keys.feeds}
                 ${url}/feeds/stores.xml?key=${keys.feeds}

  Events         ${sandboxUrl}   a Klaviyo sandbox with simulated orders: nothing leaves this machine
  REST API       ${url}/docs
  API key        ${keys.admin}

  Try            curl -H "Authorization: Bearer ${keys.admin}" ${url}/v1/products/1111

Ctrl-C stops it. Your changes are kept for the next start.
`
