import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RunningServer } from '../../src/server/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { readFeeds } from './from-scratch.ts'
import { fillGoldenCatalog } from './golden-catalog.ts'
import { poll, pollItems } from './polls.ts'
import { startAnother } from './servers.ts'
import { until } from './until.ts'

let server: TestServer
let withIds: Record<string, string>

beforeAll(async () => {
  server = await startTestServer({ feedsPublic: true, feedWaitMs: 15_000, maxListBytes: 3 })
  await fillGoldenCatalog(server.database.db)
  withIds = await readFeeds(server.url)
})
afterAll(() => server.stop())

async function withOthers(work: (other: RunningServer) => Promise<void>): Promise<void> {
  const other = await startAnother(server.database.url, {
    storeProductIds: false,
    apiKey: null,
    maxListBytes: 3,
  })
  try {
    // As the one that started last it renders.
    await until(
      () => problemsOf(other.url),
      (problems) => problems.length === 0,
    )
    await work(other)
  } finally {
    await other.stop()
  }
}

const problemsOf = async (url: string) => JSON.parse((await poll(`${url}/readyz`)).text).problems

test('without product_ids a store is as it was but for them, in both formats, and products are as they were', async () => {
  await withOthers(async (other) => {
    const without = await readFeeds(other.url)
    expect(without).toEqual({
      ...withIds,
      'stores.json': withIds['stores.json']?.replaceAll(/"product_ids":"[^"]*",/g, ''),
      'stores.xml': withIds['stores.xml']?.replaceAll(/<product_ids>.*?<.product_ids>/g, ''),
    })
    expect(without['stores.json']).not.toContain('product_ids')
    expect(without['stores.xml']).not.toContain('product_ids')
    expect((await pollItems(`${other.url}/feeds/stores.json`)).length).toBeGreaterThan(1)
  })
})

test('of two servers, one with and one without product_ids, the one that started first is told', async () => {
  await withOthers(async (other) => {
    const served = await readFeeds(other.url)
    expect(await readFeeds(server.url)).toEqual(served)
    expect(await problemsOf(other.url)).toEqual([])
    expect(await problemsOf(server.url)).toEqual([
      expect.stringMatching(
        /^The feeds are rendered by storefeed \S+ with CURRENCY=USD and STORE_PRODUCT_IDS=false; storefeed \S+ with CURRENCY=USD and STORE_PRODUCT_IDS=true would/,
      ),
    ])
  })
})

test('a list that is in no feed is not too long', async () => {
  const longIn = async (url: string) => {
    const headers = { Authorization: `Bearer ${server.key}` }
    const report = `${url}/v1/feeds/stores/report?finding=list_too_long`
    return JSON.parse((await poll(report, { headers })).text).items.length
  }
  expect(await longIn(server.url)).toBeGreaterThan(0)
  await withOthers(async (other) => expect(await longIn(other.url)).toBe(0))
})
