/** In charge of showing that a server leaves only when nobody sends it anything more. */
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../database.ts'
import { startAnother } from '../feeds/servers.ts'

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
  for (let count = 0; count < 40; count++) {
    happened.push(`${(await fetch(`${url}/feeds/stores.json`)).status}`)
    await delay(50)
  }
  await stopped
  expect(happened).toEqual([...Array<string>(40).fill('200'), 'stopped'])
  expect(new Set(await probes)).toEqual(new Set([503]))
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
