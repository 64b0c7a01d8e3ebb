/** A pool of connections: each serves one caller at a time, and a broken one is never used again. */
import { Socket } from 'node:net'
import pg from 'pg'
import { type SessionAttrs, serversOf } from '../lib/connection-url.ts'
import { ConnectionLost, postgresCode, readOnly } from './postgres-error.ts'
import { checkServer, tryServers } from './servers.ts'

/** Sends one query on a connection. Queries are pipelined, so several may be sent before the first is answered. */
export type QueryFn = (query: Query, values?: unknown[]) => Promise<pg.QueryResult>

/** `query_timeout`: milliseconds without an answer after which the connection is given up. */
type Query = pg.QueryConfig & { query_timeout?: number }

export type Pool = {
  /**
   * Waits up to 5 s for a free connection. All queries of `work` must be answered when it resolves. `isProven`: it has
   * answered just now.
   */
  withConnection: <T>(work: (send: QueryFn, isProven: boolean) => Promise<T>) => Promise<T>
  /** The number of callers waiting for a connection. */
  waiting: () => number
  /** Waits up to 5 s for queries in flight. */
  close: () => Promise<void>
}

/** For all servers together. */
const connectMs = 5_000
const closeMs = 5_000
/** So that connections spread over new servers behind the same address. */
const lifetimeSeconds = 3_600
/** After so long without traffic, TCP finds out whether the other side is still there. */
const keepAliveMs = 10_000
const provenMs = 1_000

export type ConnectionSettings = { servers: pg.ClientConfig[]; wanted: SessionAttrs }

/** The settings of every connection, pooled or not. */
export function connectionSettings(url: string, applicationName: string): ConnectionSettings {
  const { urls, wanted } = serversOf(url)
  const servers = urls.map((connectionString) => ({
    connectionString,
    application_name: applicationName,
    connectionTimeoutMillis: connectMs / urls.length,
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveMs,
    pipeline: true,
  }))
  return { servers, wanted }
}

/** `queryMs`: see `Query`; of all queries that have none of their own. */
export function createPool(
  { servers, wanted }: ConnectionSettings,
  max: number,
  queryMs?: number,
): Pool {
  const sockets = new Set<Socket>()
  const broken = new WeakSet<pg.ClientBase>()
  const answeredAt = new WeakMap<pg.ClientBase, number>()
  /** A machine that vanished closes no connection: when one is silent, all that answered last before are replaced. */
  let suspectedAt = 0
  const pools = servers.map(createServerPool)
  let current = 0

  function createServerPool(server: pg.ClientConfig): pg.Pool {
    const pool = new pg.Pool({
      ...server,
      ...(queryMs === undefined ? {} : { query_timeout: queryMs }),
      max,
      idleTimeoutMillis: 0,
      maxLifetimeSeconds: lifetimeSeconds,
      stream: () => trackSocket(sockets),
      onConnect: async (client) => {
        // Errors that the pool does not see: while a caller has the connection, or in the packet of the next answer.
        client.on('error', () => broken.add(client))
        await useUtc(client)
        await checkServer(client, wanted)
        answeredAt.set(client, performance.now())
      },
    })
    // Errors of idle connections: the pool has already removed those.
    pool.on('error', () => undefined)
    return pool
  }

  /** The server that was usable last is tried first. */
  const connectClient = () =>
    tryServers(pools, current, async (pool, index) => {
      const client = await pool.connect()
      current = index
      return client
    })

  const lastAnswer = (client: pg.ClientBase) => answeredAt.get(client) ?? 0

  async function takeClient(): Promise<pg.PoolClient> {
    for (;;) {
      const client = await connectClient()
      if (lastAnswer(client) >= suspectedAt) return client
      client.release(true)
    }
  }

  async function withConnection<T>(
    work: (send: QueryFn, isProven: boolean) => Promise<T>,
  ): Promise<T> {
    const client = await takeClient().catch((error: unknown) => {
      throw error instanceof pg.DatabaseError ? error : new ConnectionLost(error)
    })
    let lost = false
    let rejected = false
    // Then another server may have taken its place.
    let isReadOnly = false
    const send: QueryFn = async (query, values) => {
      try {
        const result = await client.query(query, values)
        answeredAt.set(client, performance.now())
        rejected = false
        return result
      } catch (error) {
        if (isSilence(error)) suspectedAt = performance.now()
        lost ||= isConnectionFailure(error, broken.has(client))
        rejected = true
        isReadOnly ||= wanted !== 'any' && postgresCode(error) === readOnly
        throw lost ? new ConnectionLost(error) : error
      }
    }
    try {
      return await work(send, performance.now() - lastAnswer(client) < provenMs)
    } finally {
      // The driver reports an error before it knows the transaction's status; an empty query tells it.
      if (rejected && !lost) await send({ text: '' }).catch(() => undefined)
      // A connection in the middle of a transaction is closed, never reused.
      client.release(lost || isReadOnly || client.getTransactionStatus() !== 'I')
    }
  }

  let closing: Promise<void> | undefined
  async function closeOnce() {
    const timer = setTimeout(() => {
      for (const socket of sockets) socket.destroy()
    }, closeMs)
    await Promise.all(pools.map((pool) => pool.end()))
    clearTimeout(timer)
  }
  function close() {
    closing ??= closeOnce()
    return closing
  }
  const waiting = () => pools.reduce((sum, { waitingCount }) => sum + waitingCount, 0)
  return { withConnection, waiting, close }
}

function trackSocket(sockets: Set<Socket>): Socket {
  const socket = new Socket()
  sockets.add(socket)
  socket.once('close', () => sockets.delete(socket))
  return socket
}

/** Set by a statement: PgBouncer rejects it as a connection parameter. */
const useUtc = async (client: pg.ClientBase) => void (await client.query("set time zone 'UTC'"))

const isConnectionFailure = (error: unknown, isBroken: boolean) =>
  !(error instanceof pg.DatabaseError) && (isBroken || isSilence(error))

/** The driver reports a query timeout by its message only. */
const isSilence = (error: unknown) =>
  error instanceof Error && error.message === 'Query read timeout'
