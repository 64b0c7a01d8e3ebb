/** A pool of connections: each serves one caller at a time, and a broken one is never used again. */
import { Socket } from 'node:net'
import pg from 'pg'
import { ConnectionLost } from './postgres-error.ts'

/** Sends one query on a connection. Queries are pipelined, so several may be sent before the first is answered. */
export type QueryFn = (query: Query, values?: unknown[]) => Promise<pg.QueryResult>

/** `query_timeout`: milliseconds without an answer after which the connection is given up. */
type Query = pg.QueryConfig & { query_timeout?: number }

export type Pool = {
  /** Waits up to 5 s for a free connection. All queries of `work` must be answered when it resolves. */
  withConnection: <T>(work: (send: QueryFn) => Promise<T>) => Promise<T>
  /** The number of callers waiting for a connection. */
  waiting: () => number
  /** Waits up to 5 s for queries in flight. */
  close: () => Promise<void>
}

const connectMs = 5_000
const closeMs = 5_000
/** So that connections spread over new servers behind the same address. */
const lifetimeSeconds = 3_600

/** The settings of every connection, pooled or not. */
export function connectionSettings(url: string, applicationName: string): pg.ClientConfig {
  return {
    connectionString: withLibpqSslModes(url),
    application_name: applicationName,
    connectionTimeoutMillis: connectMs,
    keepAlive: true,
    pipeline: true,
  }
}

/** `sslmode` as psql reads it, where `require` does not verify the certificate. */
function withLibpqSslModes(url: string): string {
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
  // Errors while a caller has the connection: the pool does not see them.
  pool.on('connect', (client) => client.on('error', () => broken.add(client)))
  // Errors of idle connections: the pool has already removed those.
  pool.on('error', () => undefined)

  async function withConnection<T>(work: (send: QueryFn) => Promise<T>): Promise<T> {
    const client = await pool.connect().catch((error: unknown) => {
      throw error instanceof pg.DatabaseError ? error : new ConnectionLost(error)
    })
    let lost = false
    let rejected = false
    const send: QueryFn = async (query, values) => {
      try {
        const result = await client.query(query, values)
        rejected = false
        return result
      } catch (error) {
        lost ||= isConnectionFailure(error, broken.has(client))
        rejected = true
        throw lost ? new ConnectionLost(error) : error
      }
    }
    try {
      return await work(send)
    } finally {
      // The driver reports an error before it knows the transaction's status; an empty query tells it.
      if (rejected && !lost) await send({ text: '' }).catch(() => undefined)
      // A connection in the middle of a transaction is closed, never reused.
      client.release(lost || client.getTransactionStatus() !== 'I')
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

/** Set by a statement: PgBouncer rejects it as a connection parameter. */
const useUtc = async (client: pg.ClientBase) => void (await client.query("set time zone 'UTC'"))

/** The driver reports a query timeout by its message only. */
const isConnectionFailure = (error: unknown, isBroken: boolean) =>
  !(error instanceof pg.DatabaseError) &&
  (isBroken || (error instanceof Error && error.message === 'Query read timeout'))
