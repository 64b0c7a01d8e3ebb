/** Which bodies are read: JSON in UTF-8, of at most 10 MB. */
import { request } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { faultyFields, startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const tenMb = 10_000_000

/** A product as large as is wanted, by white space that JSON allows. */
const draftOf = (id: string, bytes: number) => {
  const json = `{"id":"${id}","title":"x"}`
  return json.padEnd(bytes, ' ')
}

test.each(['', '{', '{"title": "x",}', "{'title': 'x'}", 'title=x', '{"title": "x"} {}', '\0'])(
  'the body %j is malformed',
  async (body) => {
    const answer = await server.ask('PUT', '/v1/products/malformed', body)
    expect(answer.status).toBe(400)
    expect(answer.body).toMatchObject({
      type: 'urn:storefeed:malformed',
      title: 'Malformed request',
      detail: expect.stringMatching(/^The body is not valid JSON in UTF-8: /),
    })
    expect((await server.ask('GET', '/v1/products/malformed')).status).toBe(404)
  },
)

async function put(id: string, body: Buffer): Promise<{ status: number; text: string }> {
  const response = await fetch(`${server.url}/v1/products/${id}`, {
    method: 'PUT',
    headers: { Authorization: `Bearer ${server.key}`, 'Content-Type': 'application/json' },
    body: new Uint8Array(body),
  })
  return { status: response.status, text: await response.text() }
}

test('a body in another encoding than UTF-8 is malformed, so that no text is stored mangled', async () => {
  const { status } = await put('latin', Buffer.from('{"title": "caf\xe9"}', 'latin1'))
  expect(status).toBe(400)
  expect((await server.ask('GET', '/v1/products/latin')).status).toBe(404)
})

test('a byte order mark is read over', async () => {
  const { status, text } = await put('mark', Buffer.from('\ufeff{"title": "café"}'))
  expect(status).toBe(201)
  expect(JSON.parse(text)).toMatchObject({ title: 'café' })
})

test('nesting without end is rejected, not fatal', async () => {
  const answer = await server.ask('POST', '/v1/products', '['.repeat(200_000))
  expect(answer.status).toBe(400)
  const closed = await server.ask(
    'POST',
    '/v1/products',
    `{"id":${'['.repeat(5000)}${']'.repeat(5000)}}`,
  )
  expect(faultyFields(closed)).toEqual(['id', 'title'])
})

test.each([
  undefined,
  'text/plain',
  'application/x-www-form-urlencoded',
  'application/jsonp',
  'text/json',
])('the content type %s is not supported', async (type) => {
  const answer = await server.ask('POST', '/v1/products', '{"id":"t","title":"x"}', {
    'Content-Type': type ?? '',
  })
  expect(answer.status).toBe(415)
  expect(answer.body).toMatchObject({
    detail: 'The body must be JSON, sent as Content-Type: application/json.',
  })
  expect((await server.ask('GET', '/v1/products/t')).status).toBe(404)
})

test.each(['application/json; charset=utf-8', 'APPLICATION/JSON', 'application/vnd.shop+json'])(
  'the content type %s is JSON',
  async (type) => {
    const headers = { 'Content-Type': type }
    const answer = await server.ask('PUT', '/v1/products/json', '{"title":"x"}', headers)
    expect(answer.status).toBeLessThan(300)
  },
)

test('a body of 10 MB is read', async () => {
  const answer = await server.ask('POST', '/v1/products', draftOf('large', tenMb))
  expect(answer.status).toBe(201)
})

test('a longer body is rejected by its Content-Length', async () => {
  const answer = await server.ask('POST', '/v1/products', draftOf('larger', tenMb + 1))
  expect(answer.status).toBe(413)
  expect(answer.headers.get('Content-Type')).toBe('application/problem+json')
  expect(answer.body).toMatchObject({ detail: 'The body may hold at most 10 MB.' })
  expect((await server.ask('GET', '/v1/products/larger')).status).toBe(404)
})

test('a longer body that comes in chunks is rejected when it passes 10 MB', async () => {
  expect(await postInChunks(draftOf('chunks', 1000))).toBe(201)
  expect(await postInChunks(draftOf('longer', tenMb + 1))).toBe(413)
  expect((await server.ask('GET', '/v1/products/longer')).status).toBe(404)
})

test('a body that nobody asked for may not be longer either', async () => {
  const remove = (bytes: number) =>
    server.ask('DELETE', '/v1/products/none', draftOf('none', bytes))
  expect((await remove(tenMb)).status).toBe(404)
  expect((await remove(tenMb + 1)).status).toBe(413)
})

/** No Content-Length is sent, so that only counting shows how long the body is. */
function postInChunks(body: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { Authorization: `Bearer ${server.key}`, 'Content-Type': 'application/json' }
    const sent = request(`${server.url}/v1/products`, { method: 'POST', headers }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode))
    })
    sent.once('error', reject)
    const chunks = body.match(/.{1,65536}/g) ?? []
    pipeline(Readable.from(chunks), sent).catch(reject)
  })
}
