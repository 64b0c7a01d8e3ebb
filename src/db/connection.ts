/** In charge of what all else sees of Postgres: a database to ask, and transactions that survive a deadlock. */
import type { SQLWrapper } from 'drizzle-orm'
import { drizzle, type NodePgClient, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import { PgDialect, type PgTransactionConfig } from 'drizzle-orm/pg-core'
import pg from 'pg'
import { settleBoth } from '../lib/settle-both.ts'
import { createListener, type Listener } from './listener.ts'
import { connectionSettings, createPool, type Pool, type QueryFn } from './pool.ts'
import { postgresCode } from './postgres-error.ts'

/** A database or a transaction on it: what a query needs, wherever it runs. */
export type Queryable = Pick<NodePgDatabase, 'select' | 'insert' | 'update' | 'delete'> & {
  /** Sent at once. Answers the rows. */
  execute: <Row extends Record<string, unknown>>(query: SQLWrapper) => Promise<Row[]>
}

export type Database = Queryable & {
  /** Runs `work` in one transaction, once; see {@link transaction}. */
  transaction: <T>(work: Work<T>, config?: PgTransactionConfig) => Promise<T>
}

type Work<T> = (tx: Queryable) => Promise<T>

export type Connection = {
  db: Database
  listen: Listener['listen']
  /** How much work waits for a connection at this moment. */
  waiting: Pool['waiting']
  close: () => Promise<void>
}

type ConnectOptions = {
  max?: number
  /** What the connections are for, as Postgres shows it to who looks at `pg_stat_activity`. */
  purpose?: 'web' | 'keys' | 'background' | 'push'
  /** How long one statement may run before Postgres cancels it; undefined: as long as it takes. */
  statementMs?: number
}

/** How much longer than Postgres itself should take a silent connection is waited for. */
const silenceMs = 2_000

/** No statement is prepared by name: that works through a pooler in transaction mode, and no plan made for an empty table outlives it. */
export function connect(
  url: string,
  { max = 10, purpose, statementMs }: ConnectOptions = {},
): Connection {
  const settings = connectionSettings(url, purpose ? `storefeed ${purpose}` : 'storefeed')
  const patience = statementMs === undefined ? {} : { query_timeout: statementMs + silenceMs }
  const pool = createPool({ ...settings, ...patience }, max)
  const listener = createListener(settings)
  return {
    db: databaseOf(pool, statementMs),
    listen: listener.listen,
    waiting: pool.waiting,
    close: async () => {
      await Promise.all([listener.close(), pool.close()])
    },
  }
}

function databaseOf(pool: Pool, statementMs?: number): Database {
  const run: Database['transaction'] = (work, config) =>
    pool.withConnection((ask) => runTransaction(ask, work, config, statementMs))
  // The limit is a setting of transactions, so a single statement gets one of its own.
  const single: QueryFn = (query, values) =>
    pool.withConnection((ask) =>
      statementMs === undefined
        ? ask(query, values)
        : inTransaction(ask, (inside) => inside(query, values), {}, statementMs),
    )
  return Object.assign(queryable(single), { transaction: run })
}

const dialect = new PgDialect()

function queryable(ask: QueryFn): Queryable {
  async function execute(query: SQLWrapper) {
    const { sql: text, params } = dialect.sqlToQuery(query.getSQL())
    return (await ask({ text, types }, params)).rows
  }
  return Object.create(drizzle({ client: clientOf(ask) }), { execute: { value: execute } })
}

/** All that drizzle's builders ask of a client is that it can be asked. */
const clientOf = (ask: QueryFn) => ({ query: ask }) as unknown as NodePgClient

/** Instants stay the text that Postgres writes, which holds more than a Date does. */
const instants = new Set<number>([
  pg.types.builtins.TIMESTAMPTZ,
  pg.types.builtins.TIMESTAMP,
  pg.types.builtins.DATE,
])
const types: pg.CustomTypesConfig = {
  getTypeParser: (id: number, format?: 'text' | 'binary') =>
    instants.has(id) ? (text: string) => text : pg.types.getTypeParser(id, format),
}

/** Serialization failure, deadlock, and the lock that a refresh does not wait for any longer. */
const retried = new Set(['40001', '40P01', '55P03'])
const maxTries = 5

/** Thrown by work that lost a race and will find its winner when it is run again. */
export class RetryTransaction extends Error {}

/**
 * Runs `work` in one transaction. When Postgres picks it as the victim of a deadlock or of a
 * serialization failure, all of it is run again from the start, so `work` must have no other effect.
 */
export async function transaction<T>(
  db: Database,
  work: Work<T>,
  config?: PgTransactionConfig,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await db.transaction(work, config)
    } catch (error) {
      const again = error instanceof RetryTransaction || retried.has(postgresCode(error) ?? '')
      if (tries === maxTries || !again) throw error
    }
  }
}

/** Reads all see the same moment. What `work` does outside is done once: nothing is run again. */
export function snapshot<T>(db: Database, work: Work<T>): Promise<T> {
  return db.transaction(work, { isolationLevel: 'repeatable read', accessMode: 'read only' })
}

const runTransaction = <T>(
  ask: QueryFn,
  work: Work<T>,
  config: PgTransactionConfig | undefined,
  statementMs: number | undefined,
) => inTransaction(ask, (inside) => work(queryable(inside)), config, statementMs)

/** How long the first answer of a transaction is waited for: a database that is silent from the start is given up soon. */
const beginMs = 5_000

/** BEGIN is sent together with the first query. Work that goes on when the transaction has ended is refused its queries. */
async function inTransaction<T>(
  ask: QueryFn,
  work: (inside: QueryFn) => Promise<T>,
  config: PgTransactionConfig = {},
  statementMs?: number,
): Promise<T> {
  let over = false
  const inside: QueryFn = async (query, values) => {
    if (over) throw new Error('the transaction has ended, and with it all that was part of it')
    return ask(query, values)
  }
  try {
    const begun = ask({ text: beginning(config, statementMs), query_timeout: beginMs })
    const [result] = await settleBoth(work(inside), begun)
    over = true
    const { command } = await ask({ text: 'commit' })
    if (command === 'ROLLBACK') throw new Error('a query failed, and with it the transaction')
    return result
  } catch (error) {
    over = true
    // Where it can't be sent the connection is gone, and Postgres rolls back by itself.
    await ask({ text: 'rollback' }).catch(() => undefined)
    throw error
  }
}

/** The limit is not a setting of the connection: a pooler in transaction mode refuses it, or gives it to others. */
function beginning(
  { isolationLevel, accessMode }: PgTransactionConfig,
  statementMs: number | undefined,
): string {
  const modes = [isolationLevel && `isolation level ${isolationLevel}`, accessMode]
  const begin = ['begin', modes.filter(Boolean).join(', ')].join(' ')
  return statementMs === undefined
    ? begin
    : `${begin}; set local statement_timeout = ${statementMs}`
}
