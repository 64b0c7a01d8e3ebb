/** In charge of showing what each answer of Klaviyo means, and what is sent with every request. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createClient } from '../../../src/klaviyo/api/client.ts'
import { silent, unlimited } from '../seed.ts'

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void

let url = ''
let answer: Answer
const server = createServer((request, response) => {
  let body = ''
  request.on('data', (chunk) => {
    body += chunk
  })
  request.on('end', () => answer(request, response, body))
})
const warnings: unknown[] = []
const log = { ...silent, warn: (facts: unknown) => warnings.push(facts) }

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  url = typeof address === 'object' && address ? `http://127.0.0.1:${address.port}` : ''
})
afterAll(() => server.close())
beforeEach(() => {
  warnings.length = 0
})

const client = () =>
  createClient({ url, apiKey: 'pk_secret', share: unlimited, log, timeoutMs: 1_000 })
const errors = (...pointers: string[]) =>
  JSON.stringify({
    errors: pointers.map((pointer) => ({
      id: '1',
      code: 'invalid',
      title: 'no',
      detail: 'No.',
      source: { pointer },
    })),
  })

const verdicts: [status: number, body: string, verdict: string][] = [
  [200, '', 'done'],
  [201, '{}', 'done'],
  [202, '', 'done'],
  [400, errors('/data'), 'never'],
  [409, errors('/data'), 'never'],
  [422, errors('/data'), 'never'],
  [413, '<html>', 'never'],
  [400, '<html>an edge</html>', 'later'],
  [404, '<html>an incident</html>', 'later'],
  [408, '', 'later'],
  [500, errors('/data'), 'later'],
  [503, '', 'later'],
  [525, '<html>', 'later'],
  [401, errors('/data'), 'stop'],
  [403, errors('/data'), 'stop'],
  [410, 'gone', 'stop'],
]

test.each(verdicts)('%i with %s means %s', async (status, body, verdict) => {
  answer = (_request, response) => response.writeHead(status).end(body)
  expect((await client().post('event', '{}')).verdict).toBe(verdict)
})

test('a 429 says how long nobody may send, in seconds or as a date', async () => {
  answer = (_request, response) => response.writeHead(429, { 'retry-after': '7' }).end()
  expect(await client().post('event', '{}')).toMatchObject({
    verdict: 'later',
    retryAfterMs: 7_000,
  })
  const date = new Date(Date.now() + 60_000).toUTCString()
  answer = (_request, response) => response.writeHead(429, { 'retry-after': date }).end()
  const verdict = await client().post('event', '{}')
  expect('retryAfterMs' in verdict && Number(verdict.retryAfterMs)).toBeGreaterThan(50_000)
})

test('a cut connection and an answer that never comes are tried again', async () => {
  answer = (request) => request.socket.destroy()
  expect(await client().post('event', '{}')).toMatchObject({ verdict: 'later' })
  answer = () => undefined
  expect(await client().post('event', '{}')).toMatchObject({ reason: 'no answer in time' })
})

test('each request carries key, revision and type, and its answer Klaviyo’s name for it', async () => {
  let headers: IncomingMessage['headers'] = {}
  answer = (request, response) => {
    headers = request.headers
    response.writeHead(202, { 'x-klaviyo-req-id': 'abc' }).end()
  }
  expect(await client().post('event', '{}')).toEqual({ verdict: 'done', requestId: 'abc' })
  expect(headers).toMatchObject({
    authorization: 'Klaviyo-API-Key pk_secret',
    revision: '2026-07-15',
    'content-type': 'application/vnd.api+json',
    'x-klaviyo-revision-fall-forward-opt-out': '1',
  })
})

test('the end of the revision is warned of once', async () => {
  answer = (_request, response) =>
    response.writeHead(202, { 'x-klaviyo-api-retirement-date': '2028-07-15' }).end()
  const one = client()
  await one.post('event', '{}')
  await one.post('event', '{}')
  expect(warnings).toEqual([{ revision: '2026-07-15', date: '2028-07-15' }])
})

test('Track is sent as a form and answers 1 for yes, 0 for no', async () => {
  let sent = ''
  answer = (_request, response, body) => {
    sent = body
    response.end('1')
  }
  expect((await client().post('track', '{"event":"é"}')).verdict).toBe('done')
  expect(new URLSearchParams(sent).get('data')).toBe('{"event":"é"}')
  answer = (_request, response) => response.end('0')
  expect((await client().post('track', '{}')).verdict).toBe('never')
})
