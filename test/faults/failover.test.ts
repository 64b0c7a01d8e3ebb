/** A primary that is killed under load and replaced by its synchronous standby: the servers go on by themselves, and nothing that was acknowledged is lost. */
import { setTimeout as delay } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { connect, type Database } from '../../src/db/connection.ts'
import { migrate } from '../../src/db/migrate.ts'
import { type RunningSandbox, startSandbox } from '../../src/klaviyo-sandbox/listen.ts'
import { until } from '../feeds/until.ts'
import { databaseAt } from '../support/database.ts'
import { askPostgres } from '../support/postgres-client.ts'
import { openTcpProxy } from '../support/tcp-proxy.ts'
import { expectFeedsAsRebuilt, findLostWrites, readEvents, untilSent } from './consistency.ts'
import { requestServer } from './http-client.ts'
import { startPollers } from './pollers.ts'
import { createReplicatedPostgres, type ReplicatedPostgres } from './replicated-postgres.ts'
import { type SupervisedServer, superviseTwo, untilReady } from './supervisor.ts'
import { createWriteLog } from './write-log.ts'
import { seedWorkload, startWriters, type Workload } from './writers.ts'

const key = 'key-of-the-failovers'
const rounds = 2
/** Before and after each failover. */
const workMs = 3_000
/**
 * From the end of the promotion, which is the cluster's own time. On an idle machine it takes about a second; the
 * rest is for a machine that is busy with other tests.
 */
const maxReturnMs = 15_000
const timeoutMs = 600_000

/** How clients find the primary. */
type Address = {
  url: string
  /** Begins as soon as the promotion does, so that clients meet a standby too. */
  follow: () => Promise<void>
}

type OpenAddress = (postgres: ReplicatedPostgres) => Promise<Address>

const addressings: Record<string, OpenAddress> = {
  'a changed address': async (postgres) => {
    const target = () => new URL(databaseAt(postgres.url(), 'shop'))
    const proxy = await openTcpProxy(target())
    onTestFinished(proxy.disconnect)
    return { url: proxy.url, follow: () => proxy.pointTo(target()) }
  },
  'a list of hosts': async ({ hosts }) => ({
    url: `postgres://storefeed@${hosts}/shop?target_session_attrs=read-write`,
    follow: async () => undefined,
  }),
}

test.each(Object.entries(addressings))(
  `the primary is killed ${rounds} times and its standby promoted, found by %s: no write is lost, each event arrives once, no poll is wrong, both servers go on`,
  async (addressing, openAddress) => {
    const cluster = await createCluster(openAddress)
    const { postgres, address, db, sandbox, servers } = cluster
    const writeLog = createWriteLog()
    const stopping = new AbortController()
    const workload: Workload = {
      servers,
      key,
      posUrl: address.url,
      writeLog,
      signal: stopping.signal,
    }
    const work = Promise.all([startWriters(workload), startPollers(workload)])
    for (let round = 1; round <= rounds; round++) {
      if (round > 1) await postgres.addStandby()
      await Promise.all(servers.map(untilReady))
      await delay(workMs)
      const { promotionMs, returnMs } = await failOver(cluster, `probe-${round}`)
      report(`${addressing}, round ${round}`, promotionMs, returnMs)
      expect(Math.max(...Object.values(returnMs).flat())).toBeLessThan(maxReturnMs)
      await delay(workMs)
    }
    stopping.abort()
    await work
    await untilSent(db)
    const { counts, slowestMs } = writeLog
    process.stdout.write(`  ${JSON.stringify(counts)}, slowest ${JSON.stringify(slowestMs)}\n`)

    expect({
      wrong: writeLog.wrong,
      crashes: servers.flatMap(({ crashes }) => crashes),
      generations: servers.map(({ generation }) => generation()),
      lost: await findLostWrites(db, writeLog),
    }).toEqual({ wrong: [], crashes: [], generations: [1, 1], lost: [] })
    const events = await readEvents(db, sandbox)
    expect(events.recorded).toEqual(events.written)
    await expectFeedsAsRebuilt(db, servers, key)
    expect(writeLog.counts.acknowledged).toBeGreaterThan(200)
  },
  timeoutMs,
)

type Cluster = {
  postgres: ReplicatedPostgres
  address: Address
  db: Database
  sandbox: RunningSandbox
  servers: readonly [SupervisedServer, SupervisedServer]
}

async function createCluster(openAddress: OpenAddress): Promise<Cluster> {
  const postgres = await createReplicatedPostgres()
  onTestFinished(postgres.remove)
  await askPostgres(postgres.url(), 'create database shop')
  await migrate(databaseAt(postgres.url(), 'shop'))
  await postgres.addStandby()
  const address = await openAddress(postgres)
  const { db, close } = connect(address.url, { max: 2 })
  onTestFinished(close)
  await seedWorkload(db)
  const sandbox = await startSandbox({ port: 0, settings: { limits: false } })
  onTestFinished(sandbox.stop)
  const servers = await superviseTwo(address.url, sandbox, { API_KEY: key })
  onTestFinished(async () => void (await Promise.all(servers.map(({ stop }) => stop()))))
  return { postgres, address, db, sandbox, servers }
}

/** Milliseconds since the end of the promotion, for each server: until it acknowledged a write, Klaviyo had its events, and a poll was fresh. */
type ReturnTimes = { write: number[]; event: number[]; poll: number[] }

async function failOver({ postgres, address, sandbox, servers }: Cluster, order: string) {
  await postgres.kill()
  const killedAt = performance.now()
  await Promise.all([postgres.promote(), address.follow()])
  const promotedAt = performance.now()
  const returnMs: ReturnTimes = { write: [], event: [], poll: [] }
  const note = (times: number[]) => times.push(Math.round(performance.now() - promotedAt))
  const { byOrder } = sandbox.state.account.eventLog
  await Promise.all(
    servers.flatMap((server, index) => [
      until(() => putOrder(server, `${order}-${index}`), Boolean)
        .then(() => note(returnMs.write))
        .then(() => until(async () => byOrder.has(`${order}-${index}`), Boolean))
        .then(() => note(returnMs.event)),
      until(() => isFresh(server), Boolean).then(() => note(returnMs.poll)),
    ]),
  )
  await untilListened(postgres)
  return { promotionMs: Math.round(promotedAt - killedAt), returnMs }
}

async function putOrder(server: SupervisedServer, id: string): Promise<boolean> {
  const response = await requestServer(server, `/v1/orders/${id}`, {
    method: 'PUT',
    headers: { Authorization: `Bearer ${key}` },
    body: {
      total: 5,
      customer: { id: `c-${id}`, email: `${id}@klaviyo-demo.com` },
      items: [{ product_id: 'a1', sku: 'SKU-1', item_price: 5 }],
    },
  })
  return response?.status === 201 || response?.status === 200
}

async function isFresh(server: SupervisedServer): Promise<boolean> {
  const response = await requestServer(server, `/feeds/products.json?key=${key}`, {})
  return response?.status === 200 && response.headers['x-feed-state'] === 'fresh'
}

/** Each server hears of messages and of changes. */
async function untilListened(postgres: ReplicatedPostgres): Promise<void> {
  await until(
    () =>
      askPostgres<{ listeners: number }>(
        postgres.url(),
        "select count(*)::int as listeners from pg_stat_activity where query ilike 'listen %'",
      ),
    ([row]) => row?.listeners === 4,
  )
}

function report(round: string, promotionMs: number, returnMs: ReturnTimes): void {
  const list = Object.entries(returnMs).map(([what, times]) => `${what} ${times.join(' and ')}`)
  process.stdout.write(
    `failover, ${round}: promoted ${promotionMs} ms after the kill; ms after the promotion, by server: ${list.join(', ')}\n`,
  )
}
