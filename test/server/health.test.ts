/** What a server reports of itself without a key. */
import { once } from 'node:events'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { startEmbedded } from '../../src/db/embedded-postgres/embedded-postgres.ts'
import { migrate } from '../../src/db/migrate.ts'
import type { Author } from '../../src/db/recording.ts'
import { checkDatabase } from '../../src/doctor/database-diagnostics.ts'
import { rendererOf } from '../../src/feeds/renderer.ts'
import { createApp } from '../../src/server/app.ts'
import { createLogger } from '../../src/server/logger.ts'
import { createMetrics } from '../../src/server/metrics.ts'
import { startAnother } from '../feeds/servers.ts'
import { until } from '../feeds/until.ts'
import { openClient } from '../support/postgres-client.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
  await untilReady()
})
afterAll(() => server.stop())

const none = { Authorization: '' }

async function readiness(): Promise<unknown[]> {
  const { status, body } = await server.ask('GET', '/readyz', undefined, none)
  return [status, body]
}

/** Until the first refresh, and after changes that are made old, feeds are reported to be behind. */
const untilReady = () =>
  until(readiness, (found) => isDeepStrictEqual(found, [200, { status: 'ready', problems: [] }]))
const reports = (problem: RegExp) => [
  200,
  { status: 'ready', problems: [expect.stringMatching(problem)] },
]
const notReady = (problem: string) => [503, { status: 'not ready', problems: [problem] }]

test('a server lives and is ready', async () => {
  const alive = await server.ask('GET', '/healthz', undefined, none)
  expect([alive.status, alive.body]).toEqual([200, { status: 'alive' }])
  const ready = await server.ask('GET', '/readyz', undefined, none)
  expect([ready.status, ready.body]).toEqual([200, { status: 'ready', problems: [] }])
})

test('a feed that is built for the first time is reported with its progress, and the server is ready', async () => {
  const { db } = server.database
  const text = /^The stores feed is building for the first time, \d+ % is done\./
  await db.transaction(async (tx) => {
    // So that nothing is built yet.
    await tx.execute(
      sql`select pg_advisory_xact_lock(hashtext('storefeed.feed'), hashtext('stores'))`,
    )
    await db.execute(sql`delete from feed_chunks where feed = 'stores'`)
    await db.execute(sql`delete from feed_state where feed = 'stores'`)
    expect(await readiness()).toEqual(reports(text))
  })
  // A poll does not wait for the pauses of the background refresh.
  expect((await server.ask('GET', '/feeds/stores.json')).status).toBe(200)
  await untilReady()
})

test('a key that Klaviyo rejects is reported, and the server serves on', async () => {
  const { db } = server.database
  await db.execute(sql`update outbox_queues set alarm = '401 no such key' where queue = 'events'`)
  expect(await readiness()).toEqual(
    reports(
      /^Klaviyo rejected the credentials; sending events is paused: 401 no such key. The next try is at \S+$/,
    ),
  )
  await db.execute(sql`update outbox_queues set alarm = null`)
})

test('a feed that no refresh brings up to date is reported after a minute', async () => {
  await server.database.db.transaction(async (tx) => {
    // As another process's refresh does.
    await expect
      .poll(() =>
        tx.execute(
          sql`select pg_try_advisory_xact_lock(hashtext('storefeed.feed'), hashtext('stores')) as ok`,
        ),
      )
      .toEqual([{ ok: true }])
    const age = (interval: string) =>
      server.database.db.execute(
        sql`insert into feed_changes (feed, hash, changed_at) values ('stores', 1, now() - ${interval}::interval)`,
      )
    await age('50 s')
    expect((await readiness())[1]).toEqual({ status: 'ready', problems: [] })
    await age('70 s')
    expect(await readiness()).toEqual(
      reports(
        /^The stores feed is behind: 2 changes have been pending since .+\. The log says why/,
      ),
    )
  })
  await untilReady()
})

test('migrations that are missing are counted, and the server is not ready', async () => {
  const { db } = server.database
  const [last] = await db.execute<{ hash: string; created_at: string }>(
    sql`delete from drizzle.__drizzle_migrations where created_at = (select max(created_at) from drizzle.__drizzle_migrations)
      returning hash, created_at`,
  )
  expect(await readiness()).toEqual(
    notReady('The database lacks migrations of this version (1). Run storefeed migrate.'),
  )
  await db.execute(
    sql`insert into drizzle.__drizzle_migrations (hash, created_at) values (${last?.hash}, ${last?.created_at})`,
  )
  expect((await readiness())[0]).toBe(200)
})

test('migrations of a newer release are reported, and the server is not ready', async () => {
  const { db } = server.database
  await db.execute(
    sql`insert into drizzle.__drizzle_migrations (hash, created_at) values ('next', 4102444800000)`,
  )
  expect(await readiness()).toEqual(
    notReady(
      'The database has migrations of a newer release (1). Upgrade this server; until then it serves the last good feeds and refreshes none.',
    ),
  )
  await db.execute(sql`delete from drizzle.__drizzle_migrations where hash = 'next'`)
  expect((await readiness())[0]).toBe(200)
})

test('servers that render feeds otherwise are reported, and this one serves on', async () => {
  const { db } = server.database
  await db.execute(sql`
    update feed_renderer set render_key = 'other', version = '9.8.7', currency = 'JPY', seen_at = now()`)
  expect(await readiness()).toEqual(
    reports(
      /^The feeds are rendered by storefeed 9\.8\.7 with CURRENCY=JPY and STORE_PRODUCT_IDS=true; storefeed .+ with CURRENCY=USD and STORE_PRODUCT_IDS=true would render them otherwise/,
    ),
  )
  await db.execute(sql`update feed_renderer set seen_at = now() - interval '1 minute'`)
  await untilReady()
})

test('rows that a restore left out are reported until storefeed migrate adds them; none can be there twice', async () => {
  const { db, url } = server.database
  await expect(db.execute(sql`insert into outbox_settings default values`)).rejects.toThrow()
  await db.execute(sql`delete from outbox_settings`)
  await db.execute(sql`delete from outbox_queues where queue = 'profiles'`)
  expect(await readiness()).toEqual([
    200,
    {
      status: 'ready',
      problems: [
        'The table outbox_settings has 0 rows instead of one: orders cannot be written. Run storefeed migrate.',
        'The table outbox_queues has 1 rows instead of 2: messages are not sent. Run storefeed migrate.',
      ],
    },
  ])
  const diagnostics = await checkDatabase(db)
  expect(diagnostics.filter(({ level }) => level === 'error')).toHaveLength(2)
  await migrate(url)
  await untilReady()
})

test('a database that is read-only is reported, and a write gets a 503', async () => {
  const name = new URL(server.database.url).pathname.slice(1)
  const admin = await openClient(inject('serverUrl'))
  const readOnly = async (value: 'on' | 'off') => {
    await admin.query(`alter database ${name} set default_transaction_read_only = ${value}`)
    await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
      name,
    ])
  }
  try {
    await readOnly('on')
    await expect
      .poll(readiness)
      .toEqual(notReady('The database is read-only (default_transaction_read_only).'))
    const { status, headers, body } = await server.ask('PUT', '/v1/products/p', { title: 'P' })
    expect([status, headers.get('Retry-After')]).toEqual([503, '5'])
    expect(body).toMatchObject({
      detail: 'The database is read-only at the moment. Try again later.',
    })
    await readOnly('off')
    await expect.poll(readiness).toEqual([200, expect.anything()])
  } finally {
    await admin.end()
  }
})

const nobody: Author = { via: 'rest', keyId: null, name: null }

test('a server that stops is not ready', async () => {
  const app = createApp({
    db: server.database.db,
    config: { publicUrl: null, currency: 'USD', maxListBytes: 100_000, storeProductIds: true },
    log: createLogger('silent'),
    metrics: createMetrics(),
    state: { stopping: true, loading: false },
    renderer: rendererOf({ currency: 'USD', storeProductIds: true }),
    feedProgress: () => undefined,
    authorize: async () => nobody,
    authorizeMetrics: async () => nobody,
    count: async () => undefined,
    verify: async () => null,
    feeds: { poll: () => Promise.reject(new Error('nobody polls')) },
    workMs: 1000,
    imports: { start: async () => undefined, stop: async () => undefined },
  })
  const answer = await app.request('/readyz')
  expect([answer.status, await answer.json()]).toEqual(notReady('The server is stopping.'))
})

test('a database that says nothing at all is not waited for', async () => {
  const mute = createServer().listen(0, '127.0.0.1')
  await once(mute, 'listening')
  const address = mute.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const mutes = await startAnother(`postgres://nobody@127.0.0.1:${port}/none`)
  try {
    const [ready, products] = await Promise.all([
      fetch(`${mutes.url}/readyz`),
      fetch(`${mutes.url}/v1/products`, { headers: { Authorization: 'Bearer any' } }),
    ])
    expect([ready.status, await ready.json()]).toEqual(notReady('The database does not answer.'))
    expect(products.status).toBe(503)
  } finally {
    await mutes.stop()
    mute.close()
  }
})

test('a standby is reported', async () => {
  const home = await mkdtemp(join(tmpdir(), 'storefeed-standby-'))
  const [primary, standby] = [join(home, 'primary'), join(home, 'standby')]
  try {
    const first = await startEmbedded(primary)
    await migrate(first.url)
    await first.stop()
    await cp(primary, standby, { recursive: true })
    await writeFile(join(standby, 'postgres', 'standby.signal'), '')
    const second = await startEmbedded(standby)
    const another = await startAnother(second.url)
    try {
      const answer = await fetch(`${another.url}/readyz`)
      expect([answer.status, await answer.json()]).toEqual(
        notReady('The database is a standby: it is read-only until it is promoted.'),
      )
    } finally {
      await another.stop()
      await second.stop()
    }
  } finally {
    await rm(home, { recursive: true })
  }
})
