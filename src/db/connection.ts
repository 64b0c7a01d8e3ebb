/** What the rest of the code sees of Postgres: queries, and transactions that are retried after a deadlock. */
import type { SQLWrapper } from 'drizzle-orm'
import { type NodePgClient, NodePgDatabase, NodePgSession } from 'drizzle-orm/node-postgres'
import { PgDialect, type PgTransactionConfig } from 'drizzle-orm/pg-core'
import pg from 'pg'
import { settleBoth } from '../lib/settle-both.ts'
import { createListener, type Listener } from './listener.ts'
import { connectionSettings, createPool, type Pool, type QueryFn } from './pool.ts'
import { postgresCode, RetryTransaction } from './postgres-error.ts'
import type { Recording } from './recording.ts'

/** A database or a transaction on it: what a query needs, wherever it runs. */
export type Queryable = Pick<
  NodePgDatabase,
  'select' | 'insert' | 'update' | 'delete' | 'with' | '$with'
> & {
  /** Sends the query immediately and resolves to its rows. */
  execute: <Row extends Record<string, unknown>>(query: SQLWrapper) => Promise<Row[]>
}

export type Database = Queryable & {
  /** Runs `work` in one transaction, once; see {@link transaction}. */
  transaction: <T>(work: Work<T>, config?: PgTransactionConfig) => Promise<T>
  /** The same database, whose transactions are recorded in the history. */
  recorded: (recording: Recording) => Database
}

type Work<T> = (tx: Queryable) => Promise<T>

export type Connection = {
  db: Database
  listen: Listener['listen']
  /** The number of callers waiting for a connection. */
  waiting: Pool['waiting']
  close: () => Promise<void>
}

type ConnectOptions = {
  max?: number
  /** Shown as part of the application name in `pg_stat_activity`. */
  purpose?: 'web' | 'keys' | 'background' | 'push'
  /** After this Postgres cancels a statement; undefined: no limit. */
  statementMs?: number
  /** After this without an answer a connection is given up, where `statementMs` is undefined. */
  queryMs?: number
}

/** How long after the statement timeout a connection without an answer is given up. */
const unresponsiveMs = 2_000

/** Statements have no names: so they work through a pooler in transaction mode, and no plan made for an empty table is reused. */
export function connect(
  url: string,
  { max = 10, purpose, statementMs, queryMs }: ConnectOptions = {},
): Connection {
  const settings = connectionSettings(url, purpose ? `storefeed ${purpose}` : 'storefeed')
  const longestMs = statementMs === undefined ? queryMs : statementMs + unresponsiveMs
  const pool = createPool(settings, max, longestMs)
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

function databaseOf(pool: Pool, statementMs?: number, recording?: Recording): Database {
  const options = { statementMs, recording }
  const run: Database['transaction'] = (work, config) =>
    pool.withConnection((send) => runTransaction(send, work, config, options))
  // Both are set per transaction, so a single statement runs in one of its own.
  const single: QueryFn = (query, values) =>
    pool.withConnection((send, isProven) => {
      if (statementMs !== undefined || recording !== undefined)
        return inTransaction(send, (sendInside) => sendInside(query, values), {}, options)
      return isProven ? send(query, values) : sendAfterProof(send, query, values)
    })
  return Object.assign(queryable(single), {
    transaction: run,
    recorded: (next: Recording) => databaseOf(pool, statementMs, next),
  })
}

const dialect = new PgDialect()

function queryable(send: QueryFn): Queryable {
  async function execute(query: SQLWrapper) {
    const { sql: text, params } = dialect.sqlToQuery(query.getSQL())
    return (await send({ text, types }, params)).rows
  }
  // Its parts rather than `drizzle()`, which takes ten times as long: each transaction has its own.
  const session = new NodePgSession(clientOf(send), dialect, undefined)
  return Object.create(new NodePgDatabase(dialect, session, undefined), {
    execute: { value: execute },
  })
}

/** A cast, because `query` is the only member of a client that drizzle's builders use. */
const clientOf = (send: QueryFn) => ({ query: send }) as unknown as NodePgClient

/** Times stay the text that Postgres writes: a Date has only milliseconds. */
const timeTypes = new Set<number>([
  pg.types.builtins.TIMESTAMPTZ,
  pg.types.builtins.TIMESTAMP,
  pg.types.builtins.DATE,
])
const types: pg.CustomTypesConfig = {
  getTypeParser: (id: number, format?: 'text' | 'binary') =>
    timeTypes.has(id) ? (text: string) => text : pg.types.getTypeParser(id, format),
}

/** Serialization failure, deadlock, and lock timeout. */
const retriedCodes = new Set(['40001', '40P01', '55P03'])
const maxTries = 5

/** Whether the transaction lost to another one; run again it may succeed. */
export const isConflict = (error: unknown): boolean =>
  error instanceof RetryTransaction || retriedCodes.has(postgresCode(error) ?? '')

/**
 * Runs `work` in one transaction, and again from the start after a deadlock or a serialization failure, so `work` must
 * have no other effect. Gives up after five tries.
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
      if (tries === maxTries || !isConflict(error)) throw error
    }
  }
}

/** All reads see the same moment. Never retried, so `work` may have other effects. */
export function snapshot<T>(db: Database, work: Work<T>): Promise<T> {
  return db.transaction(work, { isolationLevel: 'repeatable read', accessMode: 'read only' })
}

const runTransaction = <T>(
  send: QueryFn,
  work: Work<T>,
  config: PgTransactionConfig | undefined,
  options: TransactionOptions,
) => inTransaction(send, (sendInside) => work(queryable(sendInside)), config, options)

type TransactionOptions = { statementMs: number | undefined; recording: Recording | undefined }

/** How long BEGIN, or a query that says nothing, may take: a database that does not answer at all is given up soon. */
const beginTimeoutMs = 5_000

async function sendAfterProof(
  send: QueryFn,
  query: Parameters<QueryFn>[0],
  values: unknown[] | undefined,
): ReturnType<QueryFn> {
  const proof = send({ text: '', query_timeout: beginTimeoutMs })
  const [, result] = await settleBoth(proof, send(query, values))
  return result
}

/** Sends BEGIN together with the first query. Rejects queries that `work` sends after the transaction has ended. */
async function inTransaction<T>(
  send: QueryFn,
  work: (sendInside: QueryFn) => Promise<T>,
  config: PgTransactionConfig = {},
  options: TransactionOptions,
): Promise<T> {
  let ended = false
  const sendInside: QueryFn = async (query, values) => {
    if (ended) throw new Error('the transaction has already ended')
    return send(query, values)
  }
  try {
    const begun = send({ text: beginStatement(config, options), query_timeout: beginTimeoutMs })
    const [, result] = await settleBoth(begun, work(sendInside))
    ended = true
    await commit(send, options.recording)
    return result
  } catch (error) {
    ended = true
    // If it cannot be sent, the connection is gone and Postgres rolls back by itself.
    await send({ text: 'rollback' }).catch(() => undefined)
    throw error
  }
}

/** Whether triggers recorded the transaction is asked together with COMMIT, where it is known. */
async function commit(send: QueryFn, recording: Recording | undefined): Promise<void> {
  const ask = recording ? `select current_setting('storefeed.recorded', true) as recorded; ` : ''
  // Of several statements the driver returns several results.
  const results = [await send({ text: `${ask}commit` })].flat()
  if (results.at(-1)?.command === 'ROLLBACK')
    throw new Error('a query failed, so the transaction was rolled back')
  if (recording && results[0]?.rows[0]?.recorded === 'yes') recording.isRecorded = true
}

/** Nothing is set on the connection: a pooler in transaction mode rejects settings, or passes them on to other clients. */
function beginStatement(
  { isolationLevel, accessMode }: PgTransactionConfig,
  { statementMs, recording }: TransactionOptions,
): string {
  const modes = [isolationLevel && `isolation level ${isolationLevel}`, accessMode]
  const begin = ['begin', modes.filter(Boolean).join(', ')].join(' ')
  return [
    begin,
    ...(statementMs === undefined ? [] : [`set local statement_timeout = ${statementMs}`]),
    ...(recording ? [`set local storefeed.change = ${settingOf(recording)}`] : []),
  ].join('; ')
}

/** As the triggers of the history read it. */
function settingOf({ changeId, author: { via, keyId, name, file } }: Recording): string {
  return pg.escapeLiteral(JSON.stringify({ id: changeId, via, key_id: keyId, actor: name, file }))
}
