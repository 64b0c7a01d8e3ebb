/** In charge of `storefeed demo`: a server with a sample catalog, and everything a newcomer needs to look at it. */
import type { Command } from 'commander'
import type { Logger } from 'pino'
import { ensureKey } from '../../auth/api-keys.ts'
import { listRecords } from '../../catalog/catalog-reads.ts'
import { saveRecords } from '../../catalog/catalog-writes.ts'
import { productResource } from '../../catalog/products.ts'
import { storeResource } from '../../catalog/stores.ts'
import type { Config } from '../../config.ts'
import { connect, type Database } from '../../db/connection.ts'
import { type RunningSandbox, startSandbox } from '../../klaviyo-sandbox/listen.ts'
import { AppError } from '../../lib/errors.ts'
import { startLoop } from '../../lib/loop.ts'
import { codeOf } from '../../lib/system-error.ts'
import { createLogger } from '../../server/logger.ts'
import { type RunningServer, startServer } from '../../server/server.ts'
import { openDatabase } from '../open-database.ts'
import { print, waitForShutdownSignal } from '../terminal.ts'
import { demoProducts, demoStores } from './demo-catalog.ts'
import { type DemoKeys, demoKeys } from './demo-keys.ts'
import { simulateOrders } from './demo-orders.ts'

export function demoCommand(program: Command, readConfig: () => Config): void {
  program
    .command('demo')
    .description('Serve a sample catalog, to have a look')
    .action(async () => demo(readConfig()))
}

async function demo(config: Config): Promise<void> {
  const log = createLogger(config.logLevel === 'info' ? 'warn' : config.logLevel)
  print('Starting storefeed with a sample catalog …')
  const database = await openDatabase(config)
  try {
    const sandbox = await onFreePort(sandboxPort, (port) => startSandbox({ port }))
    await play(config, database.url, sandbox, log).finally(sandbox.stop)
  } finally {
    await database.close()
  }
}

/** Until it is told to stop. */
async function play(
  config: Config,
  databaseUrl: string,
  sandbox: RunningSandbox,
  log: Logger,
): Promise<void> {
  const { db, close } = connect(databaseUrl, { max: 2 })
  try {
    const keys = await demoKeys(config)
    await prepare(db, keys)
    const server = await startOnFreePort(besideSandbox(config, sandbox.url), databaseUrl, log)
    const onError = (error: unknown) => log.warn({ err: error }, 'the demo could not play on')
    const orders = simulateOrders(db, config.currency, onError)
    const polls = startLoop(() => pollAsKlaviyo(sandbox, server.url, keys), {
      ...pollPace,
      onError,
    })
    print(welcome(server.url, sandbox.url, keys))
    await waitForShutdownSignal()
    print('Stopping …')
    await Promise.all([orders.stop(), polls.stop()])
    await server.stop()
  } finally {
    await close()
  }
}

const pollPace = { everyMs: 60_000, pauseMs: 0, idleRatio: 0 }
const sandboxPort = 3001

/** Whatever the settings are: sample orders never reach Klaviyo. */
function besideSandbox(config: Config, url: string): Config {
  return {
    ...config,
    klaviyo: { ...config.klaviyo, url, apiKey: 'demo-private-key', publicKey: 'DEMOID' },
  }
}

/** As Klaviyo does every six hours, so that the sandbox shows the catalog as it is received. */
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

async function prepare(db: Database, keys: DemoKeys): Promise<void> {
  await ensureKey(db, keys.admin, { name: 'API_KEY', scopes: ['admin'] })
  await ensureKey(db, keys.feeds, { name: 'demo feeds', scopes: ['feeds'] })
  await loadCatalog(db)
}

/** Only into an empty catalog, so that what a person has edited in an earlier demo stays. */
async function loadCatalog(db: Database): Promise<void> {
  const { records } = await listRecords(db, productResource, {}, { limit: 1 })
  if (records.length > 0) return
  await saveRecords(db, storeResource, demoStores)
  await saveRecords(db, productResource, demoProducts)
}

/** Another demo may hold the usual port; a port that was asked for is not changed. */
function startOnFreePort(config: Config, databaseUrl: string, log: Logger): Promise<RunningServer> {
  if (config.port !== null) return startServer(config, databaseUrl, log)
  return onFreePort(null, (port) => startServer({ ...config, port }, databaseUrl, log))
}

/** At the usual port, or at any other when that is taken. */
async function onFreePort<T, P extends number | null>(
  usual: P,
  start: (port: P | 0) => Promise<T>,
): Promise<T> {
  try {
    return await start(usual)
  } catch (error) {
    const taken = error instanceof AppError || codeOf(error) === 'EADDRINUSE'
    if (!taken) throw error
    return start(0)
  }
}

const welcome = (url: string, sandboxUrl: string, keys: DemoKeys) => `
storefeed serves a sample catalog: ${demoProducts.length} products, ${demoStores.length} stores.

  Product feed   ${url}/feeds/products.json?key=${keys.feeds}
                 ${url}/feeds/products.xml?key=${keys.feeds}
  Store feed     ${url}/feeds/stores.json?key=${keys.feeds}
                 ${url}/feeds/stores.xml?key=${keys.feeds}

  Events         ${sandboxUrl}   a stand-in Klaviyo: orders are played, nothing leaves this machine
  REST API       ${url}/docs
  API key        ${keys.admin}

  Try            curl -H "Authorization: Bearer ${keys.admin}" ${url}/v1/products/1111

Ctrl-C stops it; what you change is kept for the next time.
`
