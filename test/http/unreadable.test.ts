/** Requests that are too large or malformed get a problem, and their connection is closed. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { problemIn, speak } from '../support/raw-client.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ feedsPublic: true })
})
afterAll(() => server.stop())

const get = (path: string, headers = '') => `GET ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`

test.each([
  ['a URL of 8,001 characters', get(`/healthz?${'x'.repeat(7_992)}`), 414, 'uri-too-long'],
  ['a poll with such a URL', get(`/feeds/products.json?${'x'.repeat(7_980)}`), 414, 'uri-too-long'],
  ['a header of 16 kB', get('/healthz', `X: ${'x'.repeat(16_384)}\r\n`), 431, 'headers-too-large'],
  ['many headers of 16 kB', get('/', 'X: 1234567890\r\n'.repeat(1_900)), 431, 'headers-too-large'],
  ['words that are no HTTP', 'HELO example.org\r\n\r\n', 400, 'malformed'],
  ['a method that nobody knows', 'FETCH / HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'malformed'],
  ['two lengths', get('/', 'Content-Length: 1\r\nContent-Length: 2\r\n'), 400, 'malformed'],
  [
    'a length and chunks',
    get('/', 'Content-Length: 1\r\nTransfer-Encoding: chunked\r\n'),
    400,
    'malformed',
  ],
  ['a TLS greeting', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, 'malformed'],
])('%s', async (_, words, status, type) => {
  const { heard } = await speak(server.url, words)
  const answer = problemIn(await heard)
  expect(answer.status).toBe(status)
  expect(answer.headers).toContain('Content-Type: application/problem+json')
  expect(answer.headers).toContain('Connection: close')
  expect(answer.problem).toMatchObject({ type: `urn:storefeed:${type}`, status })
})

test('a Host that is none is malformed', async () => {
  const { heard } = await speak(
    server.url,
    'GET /healthz HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n',
  )
  expect(problemIn(await heard)).toMatchObject({
    status: 400,
    problem: { type: 'urn:storefeed:malformed' },
  })
})

test('a URL of 8,000 characters is read', async () => {
  const { heard } = await speak(
    server.url,
    get(`/healthz?${'x'.repeat(7_991)}`, 'Connection: close\r\n'),
  )
  expect(problemIn(await heard)).toMatchObject({ status: 200, problem: { status: 'alive' } })
})
