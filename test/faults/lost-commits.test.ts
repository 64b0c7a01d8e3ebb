/** Whatever a crash, a failover or a restore takes back, every fresh poll holds all acknowledged edits, and no item stays wrong. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Connection, connect } from '../../src/db/connection.ts'
import { migrate } from '../../src/db/migrate.ts'
import type { RunningServer } from '../../src/server/server.ts'
import { type FeedItem, poll, pollItems } from '../feeds/polls.ts'
import { startAnother } from '../feeds/servers.ts'
import { databaseAt } from '../support/database.ts'
import { askPostgres } from '../support/postgres-client.ts'
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { createReplicatedPostgres, type ReplicatedPostgres } from './replicated-postgres.ts'
import { seededRandom } from './seeded-random.ts'

/** `npm run test:stress` makes 20. */
const rounds = Number(process.env.FAULTS_ROUNDS ?? 4)
const products = 500
const seed = Number(process.env.FAULTS_SEED ?? Math.floor(Math.random() * 1_000_000))
const random = seededRandom(seed)
const timeoutMs = 600_000

let postgres: ReplicatedPostgres
let proxy: TcpProxy
let connection: Connection
let servers: RunningServer[]
/** What each product's price must be at least. */
let acknowledged: Map<string, number>
let edits = 0

beforeAll(async () => {
  postgres = await createReplicatedPostgres()
  await askPostgres(postgres.url(), 'create database shop')
  await migrate(shopUrl())
  proxy = await openTcpProxy(new URL(shopUrl()))
  connection = connect(proxy.url, { max: 4 })
  await connection.db.execute(sql`
    insert into products (id, title, price) select 'p' || n, 'Product', 0 from generate_series(1, ${products}) n`)
  await connection.db.execute(sql`insert into stores (id, title) values ('s', 'Store')`)
  await connection.db.execute(sql`
    insert into product_stores select 'p' || n, 's' from generate_series(1, ${products}, 2) n`)
  const start = () => startAnother(proxy.url, {}, { listPieceBytes: 200 })
  servers = [await start(), await start()]
  acknowledged = new Map()
}, timeoutMs)
afterAll(async () => {
  await Promise.all((servers ?? []).map((server) => server.stop()))
  await connection?.close()
  await proxy?.disconnect()
  await postgres?.remove()
}, timeoutMs)

const shopUrl = () => databaseAt(postgres.url(), 'shop')

/** Each edit has a price of its own, so that an item shows which one it holds. What is edited the store sells, in a list of many pieces. */
async function edit(): Promise<void> {
  const id = `p${1 + random.number(products)}`
  const price = ++edits
  const written = connection.db.execute(sql`
    with edited as (update products set price = ${price} where id = ${id} returning id)
    insert into product_stores select id, 's' from edited on conflict do nothing`)
  const isAcknowledged = await written.then(
    () => true,
    () => false,
  )
  if (isAcknowledged) acknowledged.set(id, price)
}

const isFresh = ({ status, headers }: Awaited<ReturnType<typeof poll>>) =>
  status === 200 && headers['x-feed-state'] === 'fresh'

/** Returns what is wrong with a fresh feed: acknowledged edits that it lacks. */
async function pollBoth(): Promise<string[]> {
  const polled = servers.map(async ({ url }) => {
    const [known, expected] = [acknowledged, new Map(acknowledged)]
    const [response, stores] = await Promise.all([
      poll(`${url}/feeds/products.json`),
      poll(`${url}/feeds/stores.json`),
    ])
    // A restore takes back what was acknowledged.
    if (!isFresh(response) || !isFresh(stores) || known !== acknowledged) return []
    const prices = new Map(
      JSON.parse(response.text).map((item: { $id: string; price: number }) => [
        item.$id,
        item.price,
      ]),
    )
    const sold = listOf(JSON.parse(stores.text))
    return [...expected].flatMap(([id, price]) =>
      Number(prices.get(id)) >= price && sold.includes(id)
        ? []
        : [`${url} has ${id} at ${prices.get(id)}, not ${price}, or does not sell it`],
    )
  })
  return (await Promise.all(polled)).flat()
}

const listOf = (stores: FeedItem[]) => String(stores[0]?.product_ids).split(',')

/** The edits that follow each other may go to any slot; polls between them make versions. */
async function work(times: number): Promise<string[]> {
  const wrong: string[] = []
  for (let one = 0; one < times; one++) {
    await edit()
    wrong.push(...(await pollBoth()))
  }
  return wrong
}

/** Polls without a pause until `fault` is over: the moments in between are those that matter. */
async function pollDuring(fault: () => Promise<void>): Promise<string[]> {
  const wrong: string[] = []
  let over = false
  const polling = (async () => {
    while (!over) wrong.push(...(await pollBoth()))
  })()
  await fault().finally(() => {
    over = true
  })
  await polling
  return wrong
}

/** Items of each server that differ from the database. */
async function differences(): Promise<string[]> {
  const rows = await connection.db.execute<{ id: string; price: number }>(
    sql`select id, price::float8 as price from products`,
  )
  const stored = new Map(rows.map(({ id, price }) => [id, price]))
  const links = await connection.db.execute<{ id: string }>(
    sql`select product_id as id from product_stores order by product_id`,
  )
  const sold = links.map(({ id }) => id)
  const found = await Promise.all(
    servers.map(async ({ url }) => {
      await expect
        .poll(async () => isFresh(await poll(`${url}/feeds/products.json`)), { timeout: 60_000 })
        .toBe(true)
      const items = await pollItems(`${url}/feeds/products.json`)
      expect(items.length).toBe(stored.size)
      await expect
        .poll(async () => isFresh(await poll(`${url}/feeds/stores.json`)), { timeout: 60_000 })
        .toBe(true)
      expect(listOf(await pollItems(`${url}/feeds/stores.json`))).toEqual(sold)
      return items
        .filter(({ $id, price }) => stored.get($id) !== price)
        .map(({ $id, price }) => `${url} has ${$id} at ${price}, not ${stored.get($id)}`)
    }),
  )
  return found.flat()
}

/** The newest version, as a build that no other version has. */
async function readBuild(): Promise<string> {
  const [row] = await connection.db.execute<{ build: string }>(sql`
    select build::text from feed_builds join feed_state using (feed, version) where feed = 'products'`)
  return row?.build ?? ''
}

async function isLost(build: string): Promise<boolean> {
  const found = await connection.db.execute(
    sql`select from feed_builds where feed = 'products' and build::text = ${build}`,
  )
  return found.length === 0
}

async function untilAvailable(): Promise<void> {
  const ask = () => connection.db.execute(sql`select 1`).catch(() => [])
  await expect.poll(async () => (await ask()).length, { timeout: 60_000 }).toBe(1)
}

/** In each round versions may be lost, which `fault` returns the last one of, and others take their numbers. */
async function repeat(fault: () => Promise<string>): Promise<{ wrong: string[]; lost: number }> {
  const wrong: string[] = []
  let lost = 0
  for (let round = 0; round < rounds; round++) {
    let build = ''
    wrong.push(...(await work(2 + random.number(3))))
    wrong.push(
      ...(await pollDuring(async () => {
        build = await fault()
      })),
    )
    await untilAvailable()
    if (await isLost(build)) lost++
    wrong.push(...(await work(1 + random.number(6))), ...(await differences()))
  }
  return { wrong, lost }
}

test(
  `kill -9 of all of Postgres, ${rounds} times: no fresh poll lacks an edit, no item differs (FAULTS_SEED=${seed})`,
  async () => {
    const { wrong, lost } = await repeat(async () => {
      const build = await readBuild()
      await postgres.kill()
      await postgres.start()
      return build
    })
    expect(wrong).toEqual([])
    // Else the test has shown nothing.
    expect(lost).toBeGreaterThan(0)
  },
  timeoutMs,
)

test(
  `promotion of a synchronous standby, ${rounds} times: no fresh poll lacks an edit, no item differs (FAULTS_SEED=${seed})`,
  async () => {
    const { wrong, lost } = await repeat(async () => {
      await postgres.addStandby()
      await untilAvailable()
      const wrong = await work(3)
      if (wrong.length > 0) throw new Error(wrong.join('\n'))
      const build = await readBuild()
      await postgres.kill()
      await postgres.promote()
      await proxy.pointTo(new URL(shopUrl()))
      return build
    })
    expect(wrong).toEqual([])
    expect(lost).toBeGreaterThan(0)
  },
  timeoutMs,
)

test(
  `a restore under the same name, ${rounds} times, and more edits than before: no fresh poll lacks an edit, no item differs (FAULTS_SEED=${seed})`,
  async () => {
    const admin = (text: string) => askPostgres(postgres.url(), text)
    /** Without its connections, which are refused meanwhile. */
    async function alone(name: string, statement: string) {
      await admin(`alter database ${name} allow_connections false`)
      await admin(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`,
      )
      await admin(statement)
    }
    await alone('shop', 'create database backup template shop')
    await admin('alter database shop allow_connections true')
    const saved = new Map(acknowledged)
    await untilAvailable()
    const { wrong, lost } = await repeat(async () => {
      const build = await readBuild()
      await alone('shop', 'select 1')
      // What is restored is what was acknowledged then.
      acknowledged = new Map(saved)
      await admin('drop database shop with (force)')
      await admin('create database shop template backup')
      return build
    })
    await admin('drop database backup')
    expect(wrong).toEqual([])
    expect(lost).toBeGreaterThan(0)
  },
  timeoutMs,
)
