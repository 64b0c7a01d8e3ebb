/** Connection URLs that name several servers. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { connect } from '../../src/db/connection.ts'
import { postgresCode } from '../../src/db/postgres-error.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { freePort } from '../support/loopback.ts'
import { askPostgres } from '../support/postgres-client.ts'
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'

let database: TestDatabase
let first: TcpProxy
let second: TcpProxy
beforeAll(async () => {
  database = await createTestDatabase()
  first = await openTcpProxy(new URL(inject('serverUrl')))
  second = await openTcpProxy(new URL(inject('serverUrl')))
})
afterAll(async () => {
  await Promise.all([first.disconnect(), second.disconnect()])
  await database.close()
})

const urlOf = (hosts: string, query = '') => {
  const { username, password, pathname } = new URL(database.directUrl)
  return `postgres://${username}${password && `:${password}`}@${hosts}${pathname}${query}`
}
const both = (query?: string) => urlOf(`127.0.0.1:${first.port},127.0.0.1:${second.port}`, query)

async function ask(url: string): Promise<unknown> {
  const { db, close } = connect(url, { max: 1 })
  try {
    return await db.execute(sql`select inet_server_port() is not null as answered`)
  } finally {
    await close()
  }
}
const answered = [{ answered: true }]

test('the first server that answers is used, and a later one when it is gone', async () => {
  const { db, close } = connect(both(), { max: 1 })
  try {
    expect(await db.execute(sql`select 1 as one`)).toEqual([{ one: 1 }])
    await first.disconnect()
    await expect
      .poll(() => db.execute(sql`select 2 as two`).catch(() => undefined))
      .toEqual([{ two: 2 }])
  } finally {
    await close()
    await first.restore()
  }
})

test('a server that accepts connections and says nothing leaves time for the next one', async () => {
  first.stall()
  expect(await ask(both())).toEqual(answered)
  await first.restore()
})

test('hosts and ports can be listed in the query, too', async () => {
  const query = `?host=127.0.0.1,127.0.0.1&port=${await freePort()},${second.port}`
  expect(await ask(urlOf('', query))).toEqual(answered)
})

test('when no server answers, what happened at each is told, and no password', async () => {
  const [one, other] = [await freePort(), await freePort()]
  const failed = ask(`postgres://u:sekret@127.0.0.1:${one},127.0.0.1:${other}/d`)
  const error = await failed.catch((reason: unknown) => reason)
  const text = String(error instanceof Error && error.cause)
  expect(text).toContain(`connect ECONNREFUSED 127.0.0.1:${one}`)
  expect(text).toContain(`connect ECONNREFUSED 127.0.0.1:${other}`)
  expect(text).not.toContain('sekret')
})

test.each(['any', 'read-write', 'primary'])(
  'a primary suits target_session_attrs=%s',
  async (wanted) => {
    expect(await ask(both(`?target_session_attrs=${wanted}`))).toEqual(answered)
  },
)

test('a server that does not suit is passed over, and told when there is no other', async () => {
  const name = new URL(database.directUrl).pathname.slice(1)
  const alter = (what: string) => askPostgres(inject('serverUrl'), `alter database ${name} ${what}`)
  await alter('set default_transaction_read_only = on')
  try {
    const failed = await ask(both('?target_session_attrs=read-write')).catch((e: Error) => e.cause)
    const reason = 'it is read-only, and target_session_attrs is read-write'
    expect(String(failed)).toBe(`Error: no server can be used: ${reason}; ${reason}`)
    expect(await ask(both('?target_session_attrs=primary'))).toEqual(answered)
  } finally {
    await alter('reset default_transaction_read_only')
  }
})

test('notifications come from a later server when the first is gone', async () => {
  await first.disconnect()
  const { listen, close } = connect(both('?target_session_attrs=primary'))
  let notified = 0
  try {
    expect(await listen('servers_test', () => notified++)).toBe(true)
    await database.db.execute(sql`notify servers_test`)
    await expect.poll(() => notified).toBe(2)
  } finally {
    await close()
    await first.restore()
  }
})

test('a server that has become read-only is left', async () => {
  const { db, close } = connect(both('?target_session_attrs=read-write'), { max: 1 })
  const pid = async () =>
    (await db.execute<{ pid: number }>(sql`select pg_backend_pid() as pid`))[0]?.pid
  try {
    const before = await pid()
    await db.execute(sql`set default_transaction_read_only = on`)
    const failed = db.execute(sql`insert into products (id, title) values ('x', 'X')`)
    expect(await failed.catch(postgresCode)).toBe('25006')
    expect(await pid()).not.toBe(before)
    await db.execute(sql`insert into products (id, title) values ('x', 'X')`)
  } finally {
    await close()
  }
})
