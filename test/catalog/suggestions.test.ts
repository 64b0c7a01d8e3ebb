/** The values that fields have, as suggestions. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
  await server.database.db.execute(sql`
    insert into products (id, title, brand, categories)
    select 'n' || n, 'N', 'Brand ' || n % 3, array['Category ' || n, 'All', 'Überall'] from generate_series(1, 12000) n`)
  await server.database.db.execute(sql`
    insert into stores (id, title, region, city) values ('s1', 'S', 'MA', 'Boston'), ('s2', 'S', 'MA', ' '), ('s3', 'S', 'ME', '')`)
})
afterAll(() => server.stop())

const values = (query: string) => server.ask('GET', `/v1/catalog/values?${query}`)

test('what most records have comes first; what begins with the text comes before what holds it', async () => {
  expect((await values('of=products&field=categories&limit=2')).body).toEqual({
    values: [
      { value: 'All', count: 12_000 },
      { value: 'Überall', count: 12_000 },
    ],
  })
  expect((await values('of=products&field=categories&q=ALL')).body).toMatchObject({
    values: [{ value: 'All' }, { value: 'Überall' }],
  })
  expect((await values('of=products&field=brand&q=2')).body).toEqual({
    values: [{ value: 'Brand 2', count: 4000 }],
  })
  expect((await values('of=stores&field=region')).body).toEqual({
    values: [
      { value: 'MA', count: 2 },
      { value: 'ME', count: 1 },
    ],
  })
})

test('of very many values some are answered, and few at once', async () => {
  const { body } = await values('of=products&field=categories&q=category&limit=100')
  expect(body).toMatchObject({ values: { length: 100 } })
})

test('values are kept for a minute', async () => {
  await values('of=stores&field=country')
  await server.ask('PUT', '/v1/stores/s4', { title: 'S', country: 'Chile' })
  expect((await values('of=stores&field=country')).body).toEqual({ values: [] })
})

test.each([
  ['field=brand', 'of'],
  ['of=products', 'field'],
  ['of=products&field=city', 'field'],
  ['of=products&field=title', 'field'],
  ['of=products&field=brand&limit=101', 'limit'],
  [`of=products&field=brand&q=${'x'.repeat(256)}`, 'q'],
])('%s is rejected by its parameter', async (query, field) => {
  expect(await values(query)).toMatchObject({ status: 422, body: { errors: [{ field }] } })
})
