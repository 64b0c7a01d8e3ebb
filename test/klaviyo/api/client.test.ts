import type { IncomingMessage } from 'node:http'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createClient } from '../../../src/klaviyo/api/client.ts'
import { endpoints } from '../../../src/klaviyo/api/endpoints.ts'
import type { SendResult } from '../../../src/klaviyo/api/send-result.ts'
import { startAnsweringServer } from '../../support/answering-server.ts'
import { silent, unlimited } from '../seed.ts'

let server: Awaited<ReturnType<typeof startAnsweringServer>>
const warnings: unknown[] = []
const log = { ...silent, warn: (facts: unknown) => warnings.push(facts) }

beforeAll(async () => {
  server = await startAnsweringServer()
})
afterAll(() => server.stop())
beforeEach(() => {
  warnings.length = 0
})

const client = () =>
  createClient({ url: server.url, apiKey: 'pk_secret', share: unlimited, log, timeoutMs: 1_000 })
const post = (body: string) => client().post(endpoints.event, body)
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

const results: [status: number, body: string, result: SendResult['result']][] = [
  [200, '', 'accepted'],
  [201, '{}', 'accepted'],
  [202, '', 'accepted'],
  [400, errors('/data'), 'rejected'],
  [409, errors('/data'), 'rejected'],
  [422, errors('/data'), 'rejected'],
  [413, '<html>', 'rejected'],
  [400, '<html>an edge</html>', 'retry'],
  [404, '<html>an incident</html>', 'retry'],
  [408, '', 'retry'],
  [500, errors('/data'), 'retry'],
  [503, '', 'retry'],
  [525, '<html>', 'retry'],
  [401, errors('/data'), 'blocked'],
  [403, errors('/data'), 'blocked'],
  [410, 'gone', 'blocked'],
]

test.each(results)('%i with %s is %s', async (status, body, result) => {
  server.answerWith((_request, response) => response.writeHead(status).end(body))
  expect((await post('{}')).result).toBe(result)
})

test('a 429 says how long to wait, in seconds or as a date', async () => {
  server.answerWith((_request, response) => response.writeHead(429, { 'retry-after': '7' }).end())
  expect(await post('{}')).toMatchObject({
    result: 'retry',
    retryAfterMs: 7_000,
  })
  const date = new Date(Date.now() + 60_000).toUTCString()
  server.answerWith((_request, response) => response.writeHead(429, { 'retry-after': date }).end())
  const result = await post('{}')
  expect('retryAfterMs' in result && Number(result.retryAfterMs)).toBeGreaterThan(50_000)
})

test('a reset connection and an answer that never comes are a retry', async () => {
  server.answerWith((request) => request.socket.destroy())
  expect(await post('{}')).toMatchObject({ result: 'retry' })
  server.answerWith(() => undefined)
  expect(await post('{}')).toMatchObject({ reason: 'the request timed out' })
})

test('each request has key, revision and content type, and its result has Klaviyo’s request id', async () => {
  let headers: IncomingMessage['headers'] = {}
  server.answerWith((request, response) => {
    headers = request.headers
    response.writeHead(202, { 'x-klaviyo-req-id': 'abc' }).end()
  })
  expect(await post('{}')).toEqual({ result: 'accepted', requestId: 'abc' })
  expect(headers).toMatchObject({
    authorization: 'Klaviyo-API-Key pk_secret',
    revision: '2026-07-15',
    'content-type': 'application/vnd.api+json',
    'x-klaviyo-revision-fall-forward-opt-out': '1',
  })
})

test('the retirement of the API revision is warned of once', async () => {
  server.answerWith((_request, response) =>
    response.writeHead(202, { 'x-klaviyo-api-retirement-date': '2028-07-15' }).end(),
  )
  const one = client()
  await one.post(endpoints.event, '{}')
  await one.post(endpoints.event, '{}')
  expect(warnings).toEqual([{ revision: '2026-07-15', date: '2028-07-15' }])
})
