/** Which keys are valid, and from which addresses, while the database does not answer. */
import { randomUUID } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ensureKey, type Scope } from '../../src/auth/api-keys.ts'
import { transaction } from '../../src/db/connection.ts'
import { poll } from '../feeds/polls.ts'
import { until } from '../feeds/until.ts'
import { elsewhere } from '../support/loopback.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({}, { keyCheckMs: 3_000 })
})
afterAll(() => server.stop())

async function makeKey(scopes: Scope[], { database } = server): Promise<string> {
  const key = `key-${randomUUID()}`
  await ensureKey(database.db, key, { name: key, scopes })
  return key
}

const revoke = (key: string, { database } = server) =>
  database.db.execute(sql`update api_keys set revoked_at = now() where name = ${key}`)

/** Does `work` while no key can be looked up. */
const whileAway = (work: () => Promise<void>, { database } = server) =>
  transaction(database.db, async (tx) => {
    await tx.execute(sql`lock table api_keys in access exclusive mode`)
    await work()
  })

/** The status that `key` gets for a path, from an address of this machine. */
async function statusOf(path: string, key: string, localAddress?: string, { url } = server) {
  const headers = { Authorization: `Bearer ${key}` }
  return (await poll(`${url}${path}`, { headers, ...(localAddress ? { localAddress } : {}) }))
    .status
}
const feed = '/feeds/stores.json'

const untilRejected = (path: string, key: string) =>
  until(
    () => statusOf(path, key),
    (status) => status === 401,
  )

test('a key that was found revoked opens no feed while the database is away', async () => {
  const [good, revoked] = [await makeKey(['feeds']), await makeKey(['feeds'])]
  expect(await Promise.all([statusOf(feed, good), statusOf(feed, revoked)])).toEqual([200, 200])
  await revoke(revoked)
  await untilRejected(feed, revoked)
  await whileAway(async () => {
    expect(await Promise.all([statusOf(feed, good), statusOf(feed, revoked)])).toEqual([200, 503])
  })
})

test('a revoked key is refused though the state of the feeds cannot be read', async () => {
  const [good, revoked] = [await makeKey(['feeds']), await makeKey(['feeds'])]
  expect(await Promise.all([statusOf(feed, good), statusOf(feed, revoked)])).toEqual([200, 200])
  await transaction(server.database.db, async (tx) => {
    await tx.execute(sql`lock table feed_state in access exclusive mode`)
    await revoke(revoked)
    expect(await Promise.all([statusOf(feed, good), statusOf(feed, revoked)])).toEqual([200, 401])
  })
})

test.skipIf(!elsewhere)(
  'wherever a key was found revoked, and whatever it was used for, it opens no feed while the database is away',
  async () => {
    const key = await makeKey(['feeds', 'read'])
    expect(await Promise.all([statusOf(feed, key), statusOf(feed, key, elsewhere)])).toEqual([
      200, 200,
    ])
    await revoke(key)
    await untilRejected('/v1/products', key)
    await whileAway(async () => {
      expect(await Promise.all([statusOf(feed, key), statusOf(feed, key, elsewhere)])).toEqual([
        503, 503,
      ])
    })
  },
)

test('a key that is found revoked too late for one poll opens no later one', async () => {
  const patient = await startTestServer()
  try {
    const key = await makeKey(['feeds'], patient)
    const ask = () => statusOf(feed, key, undefined, patient)
    expect(await ask()).toBe(200)
    await transaction(patient.database.db, async (tx) => {
      await tx.execute(sql`lock table api_keys in access exclusive mode`)
      await tx.execute(sql`update api_keys set revoked_at = now() where name = ${key}`)
      expect(await ask()).toBe(200)
    })
    await whileAway(async () => {
      await until(ask, (status) => status === 503)
    }, patient)
  } finally {
    await patient.stop()
  }
})

test('a key opens while the database is away only what its scopes allow', async () => {
  const key = await makeKey(['read'])
  expect(await Promise.all([statusOf(feed, key), statusOf('/v1/products', key)])).toEqual([
    403, 200,
  ])
  await whileAway(async () => {
    expect(await Promise.all([statusOf(feed, key), statusOf('/v1/products', key)])).toEqual([
      403, 503,
    ])
  })
})

test.skipIf(!elsewhere).each([feed, '/metrics'])(
  'while the database is away, %s is served to a key where it was valid, not elsewhere',
  async (path) => {
    const key = await makeKey(['feeds', 'read'])
    const both = () => Promise.all([statusOf(path, key), statusOf(path, key, elsewhere)])
    expect(await statusOf(path, key)).toBe(200)
    await whileAway(async () => {
      expect(await both()).toEqual([200, 503])
    })
    expect(await both()).toEqual([200, 200])
    await whileAway(async () => {
      expect(await both()).toEqual([200, 200])
    })
  },
)

test('a key that was found revoked gets no metrics while the database is away', async () => {
  const key = await makeKey(['read'])
  expect(await statusOf('/metrics', key)).toBe(200)
  await revoke(key)
  await untilRejected('/metrics', key)
  await whileAway(async () => {
    expect(await statusOf('/metrics', key)).toBe(503)
  })
})
