/** Which ids are valid; products and stores share them. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { faultyFields, startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

test.each([
  'plain-1',
  'a/b',
  '50%',
  '%2F',
  '100%25',
  'with space inside',
  'Größe 日本 🙂',
  '#?&=+;:@',
  'a\\b"c\'d',
  'batch',
  '__proto__',
  'e\u0301',
  'é',
  'x'.repeat(255),
  '🙂'.repeat(255),
])('the id %j goes through every route', async (id) => {
  const path = `/v1/products/${encodeURIComponent(id)}`
  expect((await server.ask('PUT', path, { title: 'x' })).body).toMatchObject({ id })
  expect((await server.ask('GET', path)).body).toMatchObject({ id })
  expect((await server.ask('PATCH', path, { title: 'y' })).body).toMatchObject({ id, title: 'y' })
  expect((await server.ask('DELETE', path)).status).toBe(204)
  const made = await server.ask('POST', '/v1/products', { id, title: 'z' })
  expect(made.body).toMatchObject({ id })
})

test.each([
  'a,b',
  ' before',
  'after ',
  '\u00a0nbsp',
  'line\nbreak',
  'nul\0',
  'tab\t',
  '\u0085',
  '\uffff',
  '\ud800',
  'x'.repeat(256),
])('the id %j is rejected in body and path', async (id) => {
  const made = await server.ask('POST', '/v1/products', { id, title: 'x' })
  expect(made.status).toBe(422)
  expect(faultyFields(made)).toEqual(['id'])
  if (/\p{Cs}/u.test(id)) return
  const put = await server.ask('PUT', `/v1/products/${encodeURIComponent(id)}`, { title: 'x' })
  expect(put.status).toBe(422)
  expect(faultyFields(put)).toEqual(['id'])
})

test('an empty id is no address, and is rejected in a body', async () => {
  expect((await server.ask('GET', '/v1/products/')).status).toBe(404)
  const made = await server.ask('POST', '/v1/products', { id: '', title: 'x' })
  expect(faultyFields(made)).toEqual(['id'])
})

test('an id is used by a product or by a store, never by both', async () => {
  await server.ask('PUT', '/v1/stores/shared', { title: 'Store' })
  for (const [method, path] of [
    ['PUT', '/v1/products/shared'],
    ['POST', '/v1/products'],
  ] as const) {
    const body = { id: 'shared', title: 'Product' }
    const answer = await server.ask(method, path, body)
    expect(answer.status).toBe(409)
    expect(answer.body).toEqual({
      type: 'urn:storefeed:conflict',
      title: 'Conflict',
      status: 409,
      detail:
        'The id "shared" is already used by a store. Products and stores share one catalog in Klaviyo, so no id may be used by both.',
      errors: [{ field: 'id', detail: '"shared" is used by a store' }],
    })
  }
  await server.ask('DELETE', '/v1/stores/shared')
  expect((await server.ask('PUT', '/v1/products/shared', { title: 'Now' })).status).toBe(201)
})

test('plain SQL cannot use an id for both either', async () => {
  const { db } = server.database
  await db.execute(sql`insert into products (id, title) values ('sql', 'Product')`)
  await expect(
    db.execute(sql`insert into stores (id, title) values ('sql', 'Store')`),
  ).rejects.toMatchObject({ code: '23505', constraint: 'catalog_ids_pkey' })
  await db.execute(sql`insert into stores (id, title) values ('sql-2', 'Store')`)
  await expect(
    db.execute(sql`update stores set id = 'sql' where id = 'sql-2'`),
  ).rejects.toMatchObject({ code: '23505' })
})

test('of a product and a store that race for one id, exactly one gets it', async () => {
  for (let round = 0; round < 10; round++) {
    const answers = await Promise.all(
      ['products', 'stores', 'products', 'stores'].map((kind) =>
        server.ask('POST', `/v1/${kind}`, { id: `race-${round}`, title: 'x' }),
      ),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409])
  }
})
