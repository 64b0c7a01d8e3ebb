/** What a held feed would lose, and releasing it to a number. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { faultyFields, startTestServer, type TestServer } from '../support/server.ts'
import { poll } from './polls.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ feedsPublic: true, feedMaxDrop: 0.5, feedWaitMs: 15_000 })
})
afterAll(() => server.stop())

const run = (text: string) => server.database.db.execute(sql.raw(text))

async function state(): Promise<unknown> {
  return (await poll(`${server.url}/feeds/products.json`)).headers['x-feed-state']
}

beforeEach(async () => {
  await run(`truncate products cascade`)
  await run(
    `insert into products (id, title) select 'p' || n, 'Title ' || n from generate_series(1, 300) n`,
  )
  await run(`delete from feed_state`)
  expect(await state()).toBe('fresh')
})

type Held = {
  held_since: string | null
  items_now: number
  items_then: number
  items: { id: string; title: string; reason: string }[]
  next_cursor: string | null
}

async function held(query = ''): Promise<Held> {
  const { status, body } = await server.ask('GET', `/v1/feeds/products/held${query}`)
  expect(status).toBe(200)
  return body as Held
}

async function allHeld(limit: number): Promise<Held['items']> {
  const found: Held['items'] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const page: Held = await held(`?limit=${limit}${cursor && `&cursor=${cursor}`}`)
    expect(page.items.length).toBeLessThanOrEqual(limit)
    found.push(...page.items)
    cursor = page.next_cursor
  }
  return found
}

test('a feed that is not held loses nothing', async () => {
  expect(await held()).toEqual({
    held_since: null,
    items_now: 300,
    items_then: 300,
    items: [],
    next_cursor: null,
  })
})

test('each item that would go is named once, with why, whatever the size of pages', async () => {
  await run(`delete from products where substr(id, 2)::int <= 120`)
  await run(`update products set published = false where substr(id, 2)::int between 121 and 200`)
  await run(`insert into products (id, title) values ('new', 'New')`)
  expect(await state()).toBe('held')
  const { held_since, items_now, items_then } = await held()
  expect([items_now, items_then]).toEqual([300, 101])
  expect(held_since).toEqual(expect.any(String))
  const all = await allHeld(1000)
  const expected = Array.from({ length: 200 }, (_, index) => ({
    id: `p${index + 1}`,
    title: `Title ${index + 1}`,
    reason: index < 120 ? 'removed' : 'unpublished',
  }))
  const byId = (items: Held['items']) => [...items].sort((a, b) => (a.id < b.id ? -1 : 1))
  expect(byId(all)).toEqual(byId(expected))
  expect(await allHeld(7)).toEqual(all)
})

test('after TRUNCATE all would go', async () => {
  await run(`truncate products cascade`)
  expect(await state()).toBe('held')
  expect(await allHeld(100)).toHaveLength(300)
})

test('a cursor of another list is refused', async () => {
  const answer = await server.ask('GET', '/v1/feeds/products/held?cursor=cDE')
  expect([answer.status, faultyFields(answer)]).toEqual([422, ['cursor']])
})

test('a feed that is released to a number is held again if far fewer items are left', async () => {
  await run(`delete from products where id not in ('p1', 'p2', 'p3', 'p4')`)
  expect(await state()).toBe('held')
  await run(`delete from products where id <> 'p1'`)
  expect((await server.ask('POST', '/v1/feeds/products/release?items=4')).status).toBe(204)
  expect(await state()).toBe('held')
  expect((await server.ask('POST', '/v1/feeds/products/release?items=1')).status).toBe(204)
  expect(await state()).toBe('fresh')
  expect(await held()).toMatchObject({ items_now: 1, items_then: 1 })
})

test('a number that is none is refused', async () => {
  const answer = await server.ask('POST', '/v1/feeds/products/release?items=-1')
  expect([answer.status, faultyFields(answer)]).toEqual([422, ['items']])
})
