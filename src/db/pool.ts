/** In charge of connections to Postgres: each is lent to one piece of work at a time, and thrown away once it broke. */
import { Socket } from 'node:net'
import pg from 'pg'
import { ConnectionLost } from './postgres-error.ts'

/** One query on the connection that was lent. Queries are sent at once and answered in turn, so they may be asked side by side. */
export type QueryFn = (query: Query, values?: unknown[]) => Promise<pg.QueryResult>

/** `query_timeout`: after so many milliseconds without an answer the connection is given up. */
type Query = pg.QueryConfig & { query_timeout?: number }

export type Pool = {
  /** Waits for a connection that is free, within reason. What `work` asks must have been answered when it ends. */
  withConnection: <T>(work: (ask: QueryFn) => Promise<T>) => Promise<T>
  /** How much work waits for a connection at this moment. */
  waiting: () => number
  /** Work under way may end, within reason. */
  close: () => Promise<void>
}

const connectMs = 5_000
const closeMs = 5_000
/** So that connections spread anew over what stands behind an address. */
const lifetimeSeconds = 3_600

/** How every connection is made, a pool's or one by itself. */
export function connectionSettings(url: string, applicationName: string): pg.ClientConfig {
  return {
    connectionString: withUsualSslModes(url),
    application_name: applicationName,
    connectionTimeoutMillis: connectMs,
    keepAlive: true,
    pipeline: true,
  }
}

/** `sslmode` as psql understands it, where `require` does not ask who signed the certificate. */
function withUsualSslModes(url: string): string {
  const parsed = new URL(url)
  if (parsed.searchParams.has('sslmode')) parsed.searchParams.set('uselibpqcompat', 'true')
  return parsed.href
}

export function createPool(settings: pg.ClientConfig, max: number): Pool {
  const sockets = new Set<Socket>()
  const broken = new WeakSet<pg.ClientBase>()
  const pool = new pg.Pool({
    ...settings,
    max,
    idleTimeoutMillis: 0,
    maxLifetimeSeconds: lifetimeSeconds,
    stream: () => trackSocket(sockets),
    onConnect: useUtc,
  })
  // While it is lent, nobody else hears of it.
  pool.on('connect', (client) => client.on('error', () => broken.add(client)))
  // One that broke while nobody had it: the pool has dropped it already.
  pool.on('error', () => undefined)

  async function withConnection<T>(work: (ask: QueryFn) => Promise<T>): Promise<T> {
    const client = await pool.connect().catch((error: unknown) => {
      throw error instanceof pg.DatabaseError ? error : new ConnectionLost(error)
    })
    const ask: QueryFn = (query, values) =>
      client.query(query, values).catch((error: unknown) => {
        throw isOfConnection(error, broken.has(client)) ? new ConnectionLost(error) : error
      })
    try {
      return await work(ask)
    } finally {
      // Whatever happened, none is lent on that is in the middle of a transaction.
      client.release(client.getTransactionStatus() !== 'I')
    }
  }

  let closing: Promise<void> | undefined
  async function closeOnce() {
    const timer = setTimeout(() => {
      for (const socket of sockets) socket.destroy()
    }, closeMs)
    await pool.end()
    clearTimeout(timer)
  }
  function close() {
    closing ??= closeOnce()
    return closing
  }
  return { withConnection, waiting: () => pool.waitingCount, close }
}

function trackSocket(sockets: Set<Socket>): Socket {
  const socket = new Socket()
  sockets.add(socket)
  socket.once('close', () => sockets.delete(socket))
  return socket
}

/** Not by a parameter of the connection: PgBouncer knows this setting by itself, and refuses such parameters. */
const useUtc = async (client: pg.ClientBase) => void (await client.query("set time zone 'UTC'"))

/** The library names a query that was not answered in time by its words only. */
const isOfConnection = (error: unknown, isBroken: boolean) =>
  !(error instanceof pg.DatabaseError) &&
  (isBroken || (error instanceof Error && error.message === 'Query read timeout'))
