/** Finding customers, and what is theirs. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { faultyFields, startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
  const people = {
    c1: { email: 'Ann.Lee@klaviyo-demo.com', phone_number: '+1 (617) 555-0112' },
    c2: { email: 'bob@klaviyo-demo.com', phone_number: '+16175550112' },
    'eve@klaviyo-demo.com': { phone_number: 'n/a' },
  }
  for (const [id, person] of Object.entries(people))
    await server.ask('PUT', `/v1/customers/${encodeURIComponent(id)}`, person)
})
afterAll(() => server.stop())

const found = z.object({ customers: z.array(z.looseObject({ id: z.string() })) })

async function search(body: object): Promise<string[]> {
  const { body: answer } = await server.ask('POST', '/v1/customers/search', body)
  return found.parse(answer).customers.map(({ id }) => id)
}

test.each([
  ['id', { id: 'c1' }, ['c1']],
  ['an id that is an address', { id: 'eve@klaviyo-demo.com' }, ['eve@klaviyo-demo.com']],
  ['e-mail in another case', { email: ' ann.lee@KLAVIYO-demo.com ' }, ['c1']],
  ['telephone, however it is written', { phone_number: '1 617 555 0112' }, ['c1', 'c2']],
  ['any of several', { id: 'c2', email: 'ann.lee@klaviyo-demo.com' }, ['c2', 'c1']],
  ['nobody', { id: 'c9', email: 'c1', phone_number: '0' }, []],
])('people are found by %s', async (_, body, ids) => {
  expect(await search(body)).toEqual(ids)
})

test('a search names at least one, and a telephone has digits', async () => {
  expect((await server.ask('POST', '/v1/customers/search', {})).status).toBe(422)
  const answer = await server.ask('POST', '/v1/customers/search', { phone_number: 'n/a' })
  expect([answer.status, faultyFields(answer)]).toEqual([422, ['phone_number']])
})

test('the visits of a customer come newest first, page by page', async () => {
  const days = ['01', '03', '02', '05', '04']
  for (const day of days)
    await server.ask('POST', '/v1/visits', {
      customer: { id: 'c1' },
      store_id: 's',
      at: `2026-01-${day}T10:00:00Z`,
    })
  await server.ask('POST', '/v1/visits', { customer: { id: 'c2' }, store_id: 's' })
  const page = z.object({
    visits: z.array(z.looseObject({ at: z.string() })),
    next_cursor: z.string().nullable(),
  })
  const seen: string[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const query: string = cursor === '' ? '' : `&cursor=${cursor}`
    const { body } = await server.ask('GET', `/v1/visits?customer_id=c1&limit=2${query}`)
    const { visits, next_cursor } = page.parse(body)
    seen.push(...visits.map(({ at }) => at.slice(8, 10)))
    cursor = next_cursor
  }
  expect(seen).toEqual(['05', '04', '03', '02', '01'])
  expect((await server.ask('GET', '/v1/visits')).status).toBe(422)
})
