/** In charge of connections to Postgres: one pool per purpose, and transactions that survive a deadlock. */
import { type SQLWrapper, sql } from 'drizzle-orm'
import type { PgTransactionConfig } from 'drizzle-orm/pg-core'
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { both } from './both.ts'
import { inTime } from './in-time.ts'
import { isAway, postgresCode } from './postgres-error.ts'

export type Database = PostgresJsDatabase & {
  /** How long one statement may run before Postgres cancels it; undefined: as long as it takes. */
  readonly statementMs?: number
}
/** A database or a transaction on it: what a query needs, wherever it runs. */
export type Queryable = Pick<Database, 'execute' | 'select' | 'insert' | 'update' | 'delete'>

export type Connection = {
  db: Database
  /**
   * Calls back at every NOTIFY, and once as soon as it listens, also after a lost connection. Resolves to false
   * behind a pooler, where it does not listen: a notification is a nudge, never the truth.
   */
  listen: (channel: string, nudge: () => void) => Promise<boolean>
  close: () => Promise<void>
}

type ConnectOptions = {
  max?: number
  /** What the connections are for, as Postgres shows it to who looks at `pg_stat_activity`. */
  purpose?: 'web' | 'keys' | 'background' | 'push'
  /** How long one statement may run before Postgres cancels it; undefined: as long as it takes. */
  statementMs?: number
}

/**
 * No statement is prepared by name: that works through a pooler in transaction mode, and no plan
 * made for an empty table outlives it.
 */
export function connect(
  url: string,
  { max = 10, purpose, statementMs }: ConnectOptions = {},
): Connection {
  const client = postgres(url, {
    max,
    prepare: false,
    connect_timeout: 5,
    // Seconds until a lost connection is tried again; by default they would grow to twenty.
    backoff: () => 0.2 + Math.random() * 0.3,
    // Asking each new connection for its types would end the process if that one broke meanwhile.
    fetch_types: false,
    types: { textArray },
    onnotice: () => undefined,
    connection: {
      application_name: purpose ? `storefeed ${purpose}` : 'storefeed',
      TimeZone: 'UTC',
    },
  })
  const db = drizzle(client)
  return {
    db: statementMs === undefined ? db : limitStatements(db, statementMs),
    listen: async (channel, nudge) => {
      if (await isPooled(client)) return false
      await client.listen(channel, nudge, nudge)
      return true
    },
    close: () => client.end({ timeout: 5 }),
  }
}

/** A single statement gets a transaction of its own, as the limit is a setting of transactions. */
function limitStatements(db: Database, statementMs: number): Database {
  const limited = Object.create(db, { statementMs: { value: statementMs } })
  const execute = (query: SQLWrapper) => tryTransaction(limited, (tx) => tx.execute(query))
  return Object.create(limited, { execute: { value: execute } })
}

/**
 * Postgres tells each connection the number of its process; a pooler tells a number of its own. In transaction mode
 * LISTEN would stay behind on a connection that serves others.
 */
async function isPooled(client: postgres.Sql): Promise<boolean> {
  const answer = await client<{ pid: number }[]>`select pg_backend_pid() as pid`
  return answer[0]?.pid !== answer.state.pid
}

const escaped = (text: unknown) => String(text).replace(/["\\]/g, '\\$&')

/**
 * `text[]`, by its number in every Postgres: the one kind of array that is sent or read. Elements are
 * never null here. Not by drizzle's own parser, which loses a backslash.
 */
const textArray = {
  to: 1009,
  from: [1009],
  // Drizzle's insert writes the list as Postgres reads it; our own SQL hands the list itself.
  serialize: (given: unknown) =>
    Array.isArray(given) ? `{${given.map((one) => `"${escaped(one)}"`).join(',')}}` : given,
  parse: (literal: string) =>
    Array.from(
      literal.matchAll(/"((?:[^"\\]|\\.)*)"|([^{},"]+)/gs),
      ([, quoted, bare = '']) => quoted?.replace(/\\(.)/gs, '$1') ?? bare,
    ),
}

/** Serialization failure, deadlock, and the lock that a refresh does not wait for any longer. */
const retried = new Set(['40001', '40P01', '55P03'])
const maxTries = 5

/** Thrown by work that lost a race and will find its winner when it is run again. */
export class LostRace extends Error {}

/**
 * Runs `work` in one transaction. When Postgres picks it as the victim of a deadlock or of a
 * serialization failure, all of it is run again from the start, so `work` must have no other effect.
 */
export async function transaction<T>(
  db: Database,
  work: (tx: Queryable) => Promise<T>,
  config?: PgTransactionConfig,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await tryTransaction(db, work, config)
    } catch (error) {
      const again = error instanceof LostRace || retried.has(postgresCode(error) ?? '')
      if (tries === maxTries || !again) throw error
    }
  }
}

/** Reads all see the same moment. What `work` does outside is done once: nothing is run again. */
export function snapshot<T>(db: Database, work: (tx: Queryable) => Promise<T>): Promise<T> {
  return tryTransaction(db, work, { isolationLevel: 'repeatable read', accessMode: 'read only' })
}

/**
 * How long a transaction waits for its begin. postgres.js would wait as long as it takes: while the database is silent
 * each of its attempts to connect takes but one of those who wait along.
 */
const beginPatienceMs = 5_000

/**
 * A connection that breaks rejects the transaction by itself. Nothing may be sent on it any more, not
 * even the rollback: postgres.js would end the process (porsager/postgres#1208). So work that goes on
 * is refused its queries, and work that has failed is never told to it.
 */
async function tryTransaction<T>(
  db: Database,
  work: (tx: Queryable) => Promise<T>,
  config?: PgTransactionConfig,
): Promise<T> {
  let over = false
  let begin = () => {}
  const begun = new Promise<void>((resolve) => {
    begin = resolve
  })
  const never = new Promise<never>(() => undefined)
  try {
    const outcome = db.transaction(async (tx) => {
      begin()
      if (over) throw new Error('nobody waits for this transaction any more')
      const refuse = () => {
        if (over) throw new Error('the transaction has ended, and with it all that was part of it')
      }
      try {
        // Both are sent together with the first query, before it.
        const configured = config && tx.setTransaction(config)
        const limited = db.statementMs === undefined ? undefined : limit(tx, db.statementMs)
        const [result] = await both(work(guarded(tx, refuse)), both(configured, limited))
        return result
      } catch (error) {
        const isBroken = over || isAway(error)
        over = true
        if (isBroken) return await never
        throw error
      }
    })
    await inTime(Promise.race([begun, outcome]), beginPatienceMs)
    return await outcome
  } finally {
    over = true
  }
}

/** `check` is asked whenever something is wanted of the transaction. */
function guarded(tx: Queryable, check: () => void): Queryable {
  return new Proxy(tx, {
    get(target, name) {
      check()
      const wanted: unknown = Reflect.get(target, name)
      return typeof wanted === 'function' ? wanted.bind(target) : wanted
    },
  })
}

/** Not by a setting of the connection: a pooler in transaction mode refuses it, or gives it to others. */
const limit = (tx: Queryable, ms: number) =>
  tx.execute(sql.raw(`set local statement_timeout = ${ms}`)).execute()
