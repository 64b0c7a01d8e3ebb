import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
  for (const [id, day, store_id] of [
    ['a', '02', 's1'],
    ['b', '01', 's2'],
    ['c', '03', 's1'],
    ['d', '02', 's1'],
  ])
    await server.ask('PUT', `/v1/orders/${id}`, {
      store_id,
      placed_at: `2026-01-${day}T10:00:00.123Z`,
      total: 10,
      items: [{ product_id: 'p', item_price: 10 }],
    })
})
afterAll(() => server.stop())

const page = z.object({
  orders: z.array(z.looseObject({ id: z.string() })),
  next_cursor: z.string().nullable(),
})

async function allPages(query: string): Promise<string[]> {
  const seen: string[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const after: string = cursor === '' ? '' : `&cursor=${cursor}`
    const { body } = await server.ask('GET', `/v1/orders?limit=1${query}${after}`)
    const { orders, next_cursor } = page.parse(body)
    seen.push(...orders.map(({ id }) => id))
    cursor = next_cursor
  }
  return seen
}

test('orders come by id, or the newest first, and no page loses or repeats one', async () => {
  expect(await allPages('')).toEqual(['a', 'b', 'c', 'd'])
  expect(await allPages('&sort=-placed_at')).toEqual(['c', 'd', 'a', 'b'])
  expect(await allPages('&sort=-placed_at&store_id=s1')).toEqual(['c', 'd', 'a'])
})

test('a cursor belongs to its sort', async () => {
  const { body } = await server.ask('GET', '/v1/orders?limit=1&sort=-placed_at')
  const { next_cursor } = page.parse(body)
  expect((await server.ask('GET', `/v1/orders?cursor=${next_cursor}`)).status).toBe(422)
  const byId = page.parse((await server.ask('GET', '/v1/orders?limit=1')).body).next_cursor
  const crossed = await server.ask('GET', `/v1/orders?sort=-placed_at&cursor=${byId}`)
  expect(crossed.status).toBe(422)
})
