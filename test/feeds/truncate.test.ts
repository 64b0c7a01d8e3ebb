import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../support/server.ts'
import { gzip, poll } from './polls.ts'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer({ feedsPublic: true, feedMaxDrop: 1, feedWaitMs: 15_000 })
})
afterAll(() => server.stop())

const run = (text: string) => server.database.db.execute(sql.raw(text))
const items = 300

test('TRUNCATE amid polls always succeeds, and a fresh feed holds all items or none', async () => {
  let emptying = true
  const seen = new Set<number>()
  async function pollOn(feed: string) {
    while (emptying) {
      const { headers, text } = await poll(`${server.url}/feeds/${feed}.json`, { headers: gzip })
      if (headers['x-feed-state'] === 'fresh') seen.add(JSON.parse(text).length)
    }
  }
  const pollers = ['products', 'stores', 'products'].map(pollOn)
  const orders = ['products, stores', 'stores, products', 'product_stores, stores, products']
  try {
    for (let round = 0; round < 30; round++) {
      await run(`
        insert into products (id, title) select 'p' || n, 'Title ${round}' from generate_series(1, ${items}) n;
        insert into stores (id, title) select 's' || n, 'Shop ${round}' from generate_series(1, ${items}) n;
        insert into product_stores (product_id, store_id) select 'p' || n, 's' || n from generate_series(1, ${items}) n`)
      await run(`select pg_sleep(${(round % 7) / 100})`)
      await run(`truncate ${orders[round % 3]} cascade`)
    }
  } finally {
    emptying = false
    await Promise.all(pollers)
  }
  expect([...seen].filter((count) => count !== 0 && count !== items)).toEqual([])
  expect(seen).toContain(items)
  for (const feed of ['products', 'stores']) {
    const { text } = await poll(`${server.url}/feeds/${feed}.json`)
    expect(JSON.parse(text)).toEqual([])
  }
})
