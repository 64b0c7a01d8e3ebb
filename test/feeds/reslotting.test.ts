import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createFeedService, type FeedService } from '../../src/feeds/feed-service.ts'
import { refresh } from '../../src/feeds/refresh.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { testRenderer } from './readers.ts'

let database: TestDatabase
let one: FeedService
let other: FeedService

beforeAll(async () => {
  database = await createTestDatabase()
  const settings = { ...testRenderer, maxDrop: 1, waitMs: 30_000 }
  const warn = (message: string, error: unknown) => {
    throw new Error(message, { cause: error })
  }
  one = createFeedService(database.db, { ...settings, warn })
  other = createFeedService(database.db, { ...settings, warn })
})
afterAll(() => database.close())

beforeEach(async () => {
  await run('truncate products cascade')
  await run('truncate feed_state, feed_chunks, feed_changes')
})

const run = (text: string) => database.db.execute(sql.raw(text))

async function pollText(reader: FeedService, part = { number: 1, of: 1 }) {
  const { response: served, freshness } = await reader.poll('products', 'json', part)
  expect(freshness).toBe('fresh')
  let text = ''
  for await (const piece of served.text()) text += piece
  expect(JSON.parse(text).length).toBe(served.items)
  return { text, items: served.items }
}

async function slotsAndItems() {
  const [state] = await run(
    `select s.slots, s.items, (select count(*)::int from feed_chunks c where c.feed = s.feed and c.format = 'xml') as chunks,
      (select sum(c.items)::int from feed_chunks c where c.feed = s.feed and c.format = 'json') as stored
     from feed_state s where feed = 'products'`,
  )
  return state
}

test('a feed that grows gets more slots, one that shrinks far gets fewer, and no copy stays behind', async () => {
  expect((await pollText(one)).items).toBe(0)
  await pollText(other)
  expect(await slotsAndItems()).toEqual({ slots: 64, items: 0, chunks: 64, stored: 0 })

  await run(`insert into products (id, title) select n::text, 'T' from generate_series(1, 20000) n`)
  const grown = await pollText(one)
  expect(grown.items).toBe(20_000)
  expect(await pollText(other)).toEqual(grown)
  expect(await slotsAndItems()).toEqual({ slots: 256, items: 20_000, chunks: 256, stored: 20_000 })

  await run(
    `insert into products (id, title) select n::text, 'T' from generate_series(20001, 40000) n`,
  )
  expect(await pollText(other)).toEqual(await pollText(one))
  expect(await slotsAndItems()).toEqual({ slots: 512, items: 40_000, chunks: 512, stored: 40_000 })

  // Halved once, slots stay; what is left of them is half empty.
  await run(`delete from products where id::int > 20000`)
  expect(await pollText(other)).toEqual(await pollText(one))
  expect(await slotsAndItems()).toEqual({ slots: 512, items: 20_000, chunks: 512, stored: 20_000 })
  const halves = [
    await pollText(one, { number: 1, of: 2 }),
    await pollText(one, { number: 2, of: 2 }),
  ]
  expect(halves.reduce((sum, half) => sum + half.items, 0)).toBe(20_000)

  await run(`delete from products where id::int > 100`)
  const shrunk = await pollText(one)
  expect(shrunk.items).toBe(100)
  expect(await pollText(other)).toEqual(shrunk)
  expect(await slotsAndItems()).toEqual({ slots: 64, items: 100, chunks: 64, stored: 100 })
})

test.each([20, 63, 100])(
  'a feed of 256 slots counts right when items of %i of them go',
  async (touched) => {
    await run(
      `insert into products (id, title) select n::text, 'T' from generate_series(1, 17000) n`,
    )
    await pollText(one)
    const [left] = await run(`
    with gone as (delete from products where hash / 64 < ${touched} and id like '%1' returning id)
    select 17000 - count(*)::int as items from gone`)
    const items = Number(left?.items)
    expect(items).toBeLessThan(17_000)
    expect((await pollText(one)).items).toBe(items)
    expect(await slotsAndItems()).toEqual({ slots: 256, items, chunks: 256, stored: items })
  },
)

test('a feed of long items gets slots by their bytes, and fewer again once the items are short', async () => {
  await run(`
    insert into products (id, title, description) select n::text, 'T', repeat('long ', 8000) from generate_series(1, 500) n`)
  await pollText(one)
  expect(await slotsAndItems()).toEqual({ slots: 512, items: 500, chunks: 512, stored: 500 })
  await run(`update products set description = 'short'`)
  await pollText(other)
  await run(`update products set title = 'Other' where id = '1'`)
  const shrunk = await pollText(one)
  expect(await pollText(other)).toEqual(shrunk)
  expect(await slotsAndItems()).toEqual({ slots: 64, items: 500, chunks: 64, stored: 500 })
})

test('the bytes of a feed are those of its items, however it came to be', async () => {
  const bytes = () =>
    run(`
      select s.bytes::int, (select sum(c.bytes)::int from feed_chunks c where c.feed = s.feed and c.format = 'json') as stored
      from feed_state s where s.feed = 'products'`)
  const expectSame = async () => {
    await pollText(one)
    const [row] = await bytes()
    expect(row?.bytes).toBe(row?.stored)
  }
  await run(`insert into products (id, title) select n::text, 'T' from generate_series(1, 300) n`)
  await expectSame()
  await run(`update products set title = 'A longer title' where id in ('1', '2', '3')`)
  await expectSame()
  await run(`delete from products where id like '1%'`)
  await expectSame()
})

test('a refresh tells its progress', async () => {
  await run(`insert into products (id, title) select n::text, 'T' from generate_series(1, 20000) n`)
  const shares: number[] = []
  const settings = { ...testRenderer, maxDrop: 1 }
  await refresh(database.db, 'products', { ...settings, onProgress: (share) => shares.push(share) })
  expect(shares.length).toBeGreaterThan(2)
  expect(shares).toEqual([...shares].sort((a, b) => a - b))
  expect(shares.at(-1)).toBe(1)
})

test('items that became long since the last refresh are rendered a few at a time, and get their slots at once', async () => {
  await run(`insert into products (id, title) select n::text, 'T' from generate_series(1, 500) n`)
  await pollText(one)
  await run(`update products set description = repeat('long ', 8000)`)
  const shares: number[] = []
  const settings = { ...testRenderer, maxDrop: 1 }
  await refresh(database.db, 'products', { ...settings, onProgress: (share) => shares.push(share) })
  expect(await slotsAndItems()).toEqual({ slots: 512, items: 500, chunks: 512, stored: 500 })
  // 20 MB, of which a MB or so is held at once.
  expect(shares.length).toBeGreaterThan(10)
  expect((await pollText(other)).items).toBe(500)
})
