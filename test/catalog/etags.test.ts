/** If-Match keeps one writer from overwriting another. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
  await server.ask('POST', '/v1/stores', { id: 's', title: 'S' })
})
afterAll(() => server.stop())

const path = '/v1/products/p'
let etag: string
beforeEach(async () => {
  await server.ask('DELETE', path)
  await server.ask('POST', '/v1/products', { id: 'p', title: 'P' })
  etag = await readEtag()
})

async function readEtag(of = path): Promise<string> {
  return (await server.ask('GET', of)).headers.get('ETag') ?? ''
}

const change = (ifMatch: string) =>
  server.ask('PATCH', path, { title: `changed if ${ifMatch}` }, { 'If-Match': ifMatch })

test('a strong ETag stands in every answer that shows one record', async () => {
  expect(etag).toMatch(/^"[^"]+"$/)
  const put = await server.ask('PUT', path, { title: 'Put' })
  expect(put.headers.get('ETag')).toBe(await readEtag())
  const patched = await server.ask('PATCH', path, { title: 'Patched' })
  expect(patched.headers.get('ETag')).toBe(await readEtag())
  const made = await server.ask('POST', '/v1/products', { id: 'q', title: 'Q' })
  expect(made.headers.get('ETag')).toBe(await readEtag('/v1/products/q'))
})

test('a change with the ETag that was read goes through, and the next one with it does not', async () => {
  expect((await change(etag)).status).toBe(200)
  const late = await change(etag)
  expect(late.status).toBe(412)
  expect(late.body).toEqual({
    type: 'urn:storefeed:precondition-failed',
    title: 'Changed since it was read',
    status: 412,
    detail: 'The product "p" no longer has an ETag named in If-Match: read it again.',
  })
})

test('PUT and DELETE obey If-Match too, and a rejected one changes nothing', async () => {
  const headers = { 'If-Match': '"1-stale"' }
  expect((await server.ask('PUT', path, { title: 'No' }, headers)).status).toBe(412)
  expect((await server.ask('DELETE', path, undefined, headers)).status).toBe(412)
  expect((await server.ask('GET', path)).body).toMatchObject({ title: 'P' })
  expect((await server.ask('PUT', path, { title: 'Yes' }, { 'If-Match': etag })).status).toBe(200)
  const fresh = { 'If-Match': await readEtag() }
  expect((await server.ask('DELETE', path, undefined, fresh)).status).toBe(204)
})

test.each([
  ['in a list', (tag: string) => `"x", ${tag} ,"y"`, 200],
  ['as *', () => '*', 200],
  ['as the ETag "*", which no record has', () => '"*"', 412],
  ['weakly, which never matches', (tag: string) => `W/${tag}`, 412],
  ['emptily', () => '""', 412],
] as const)('If-Match may name it %s', async (_how, header, status) => {
  expect((await change(header(etag))).status).toBe(status)
})

test('what is not there matches nothing, not even *', async () => {
  const headers = { 'If-Match': '*' }
  expect((await server.ask('PUT', '/v1/products/none', { title: 'x' }, headers)).status).toBe(412)
  expect((await server.ask('PATCH', '/v1/products/none', {}, headers)).status).toBe(412)
  expect((await server.ask('DELETE', '/v1/products/none', undefined, headers)).status).toBe(412)
  expect((await server.ask('GET', '/v1/products/none')).status).toBe(404)
})

test('a link that is set or removed from either side changes the ETag of both', async () => {
  const store = '/v1/stores/s'
  const seen = [[etag, await readEtag(store)]]
  const steps: [string, string][] = [
    ['PUT', `${path}/stores/s`],
    ['DELETE', `${store}/products/p`],
    ['PUT', `${store}/products/p`],
  ]
  for (const [method, link] of steps) {
    await server.ask(method, link)
    const [lastProduct, lastStore] = seen.at(-1) ?? []
    const now = [await readEtag(), await readEtag(store)]
    expect(now[0]).not.toBe(lastProduct)
    expect(now[1]).not.toBe(lastStore)
    seen.push(now)
  }
  expect((await change(etag)).status).toBe(412)
})

test('a replacement that changes nothing keeps the ETag and the time', async () => {
  const before = await server.ask('GET', path)
  const after = await server.ask('PUT', path, { title: 'P', store_ids: [] })
  expect(after.body).toEqual(before.body)
  expect(after.headers.get('ETag')).toBe(etag)
})

test('a record that is removed and made again never has an ETag that it had before', async () => {
  const seen = new Set([etag])
  for (let round = 0; round < 5; round++) {
    await server.ask('DELETE', path)
    await server.ask('PUT', path, { title: 'P' })
    seen.add(await readEtag())
  }
  expect(seen.size).toBe(6)
  expect((await change(etag)).status).toBe(412)
})
