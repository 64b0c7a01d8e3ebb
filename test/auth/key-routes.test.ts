/** Keys are created, shown once, listed and revoked over REST. */
import { createHash } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { faultyFields, startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

type Made = { id: number; key: string }
const bearer = (key: string) => ({ Authorization: `Bearer ${key}` })

async function make(scopes: string[], name = 'Klaviyo'): Promise<Made> {
  const { body } = await server.ask('POST', '/v1/keys', { name, scopes })
  return body as Made
}

test('a key is shown once, when it is made, and is not kept by anything on the way', async () => {
  const answer = await server.ask('POST', '/v1/keys', { name: 'Klaviyo', scopes: ['feeds'] })
  expect(answer.status).toBe(201)
  expect(answer.headers.get('Cache-Control')).toBe('no-store')
  expect(answer.body).toEqual({
    id: expect.any(Number),
    name: 'Klaviyo',
    scopes: ['feeds'],
    created_at: expect.any(String),
    last_used_at: null,
    revoked_at: null,
    key: expect.stringMatching(/^sf_[\w-]{43}$/),
  })
  const { key, ...record } = answer.body as Made
  const list = await server.ask('GET', '/v1/keys')
  expect((list.body as { keys: unknown[] }).keys[0]).toEqual(record)
  expect(list.text).not.toContain(key)
})

test('the database holds only the hash of a key', async () => {
  const { id, key } = await make(['read'])
  const [row] = await server.database.db.execute<{ row: string; hash: string }>(
    sql`select row_to_json(k)::text as row, hash from api_keys k where id = ${id}`,
  )
  expect(row?.row).not.toContain(key)
  expect(row?.hash).toBe(createHash('sha256').update(key).digest('hex'))
})

test('a revoked key is rejected at once, and revoking it again is harmless', async () => {
  const { id, key } = await make(['read'])
  expect((await server.ask('GET', '/v1/products', undefined, bearer(key))).status).toBe(200)
  expect((await server.ask('DELETE', `/v1/keys/${id}`)).status).toBe(204)
  expect((await server.ask('GET', '/v1/products', undefined, bearer(key))).status).toBe(401)

  const stateOf = async () => {
    const { body } = await server.ask('GET', '/v1/keys')
    return (body as { keys: { id: number }[] }).keys.find((one) => one.id === id)
  }
  const revoked = await stateOf()
  expect(revoked).toMatchObject({ revoked_at: expect.any(String) })
  expect((await server.ask('DELETE', `/v1/keys/${id}`)).status).toBe(204)
  expect(await stateOf()).toEqual(revoked)
})

test('the last use of a key is listed', async () => {
  const { id, key } = await make(['read'])
  await server.ask('GET', '/v1/products', undefined, bearer(key))
  const { body } = await server.ask('GET', '/v1/keys')
  const { keys } = body as { keys: { id: number }[] }
  expect(keys.find((one) => one.id === id)).toMatchObject({ last_used_at: expect.any(String) })
})

test('an unknown key is not found, and an id that is not a number is rejected', async () => {
  const unknown = await server.ask('DELETE', '/v1/keys/999999')
  expect(unknown.status).toBe(404)
  expect(unknown.body).toMatchObject({ detail: 'There is no key with the id 999999.' })
  for (const id of ['abc', '0', '-1', '1.5', '99999999999999999999']) {
    const answer = await server.ask('DELETE', `/v1/keys/${id}`)
    expect(answer.status).toBe(422)
    expect(faultyFields(answer)).toEqual(['id'])
  }
})

test.each([
  [{ name: ' ', scopes: ['feeds'] }, ['name']],
  [{ name: 'x', scopes: [] }, ['scopes']],
  [{ name: 'x', scopes: ['feeds', 'feeds'] }, ['scopes']],
  [{ name: 'x', scopes: ['root'] }, ['scopes.0']],
  [{ scopes: 'admin', key: 'mine' }, ['name', 'scopes', 'key']],
])('the key %j is rejected', async (input, fields) => {
  const answer = await server.ask('POST', '/v1/keys', input)
  expect(answer.status).toBe(422)
  expect(faultyFields(answer)).toEqual(fields)
})
