/** A server stops once its clients send nothing more, and then it does. */
import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { transaction } from '../../src/db/connection.ts'
import { startAnother } from '../feeds/servers.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.close())

test('a balancer that notices late loses no request, and its probes hold nobody up', async () => {
  const { url, stop } = await startAnother(database.url)
  const happened: string[] = []
  const stopped = stop(200).then(() => happened.push('stopped'))
  const probes = ask(`${url}/readyz`)
  const noticedAt = performance.now() + 2_000
  while (performance.now() < noticedAt) {
    happened.push(`${(await fetch(`${url}/feeds/stores.json`)).status}`)
    await delay(150)
  }
  await stopped
  const [last, ...before] = happened.toReversed()
  expect([last, new Set(before)]).toEqual(['stopped', new Set(['200'])])
  const probed = await probes
  expect(new Set(probed)).toEqual(new Set([503]))
  // As many as fit into three seconds, not into the ten that the server waits for a balancer at most.
  expect(probed.length).toBeLessThan(100)
})

test('whoever waits for an answer may ask once more after it', async () => {
  const { url, stop } = await startAnother(database.url)
  const poll = async () => (await fetch(`${url}/feeds/stores.json`)).status
  await poll()
  const happened: unknown[] = []
  let waiting = Promise.resolve(0)
  const stopped = stop(1).then(() => happened.push('stopped'))
  await transaction(database.db, async (tx) => {
    await tx.execute(sql`lock table feed_state in access exclusive mode`)
    waiting = poll()
    // Longer than it waits for anybody who asks nothing.
    await Promise.race([delay(1_500), stopped])
  })
  happened.push(await waiting, await poll())
  await stopped
  expect(happened).toEqual([200, 200, 'stopped'])
})

test('without a grace it leaves at once', async () => {
  const { url, stop } = await startAnother(database.url)
  const asking = ask(`${url}/feeds/stores.json`)
  await stop()
  expect((await asking).length).toBeLessThan(5)
})

/** Again and again until nothing answers. */
async function ask(url: string): Promise<number[]> {
  const answered: number[] = []
  for (;;) {
    const status = await fetch(url).then(
      (answer) => answer.status,
      () => null,
    )
    if (status === null) return answered
    answered.push(status)
    await delay(50)
  }
}
