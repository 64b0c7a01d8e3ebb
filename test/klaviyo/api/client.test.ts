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
  [202, '', 'accepted'],
  [202, '<html>log in</html>', 'retry'],
  [200, '', 'retry'],
  [200, '<html>log in</html>', 'retry'],
  [200, '1', 'retry'],
  [201, '{}', 'retry'],
  [204, '', 'retry'],
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

const profile = JSON.stringify({ data: { type: 'profile', id: '01' } })
const profileResults: [status: number, body: string, result: SendResult['result']][] = [
  [200, profile, 'accepted'],
  [201, profile, 'accepted'],
  [202, '', 'retry'],
  [200, '', 'retry'],
  [200, '<html>log in</html>', 'retry'],
  [200, '{"data":{"type":"login","id":"1"}}', 'retry'],
  [200, '{"success":true}', 'retry'],
]

test.each(profileResults)('of a profile, %i with %s is %s', async (status, body, result) => {
  server.answerWith((_request, response) => response.writeHead(status).end(body))
  expect((await client().post(endpoints.profile, '{}')).result).toBe(result)
})

test('an answer that is not Klaviyo’s says so in its reason', async () => {
  server.answerWith((_request, response) => response.end('<html>log in</html>'))
  expect(await post('{}')).toMatchObject({
    reason: expect.stringMatching(/^200 without what Klaviyo answers when it accepts/),
  })
})

test.each([
  ['7', 7_000],
  ['0.5', 1_000],
  ['0', 1_000],
  ['-5', 1_000],
  ['2592000', 900_000],
  ['9'.repeat(400), 900_000],
  ['1e9', 10_000],
  ['soon', 10_000],
  ['', 10_000],
  ['Thu, 01 Jan 1970 00:00:00 GMT', 1_000],
  ['Fri, 31 Dec 9999 23:59:59 GMT', 900_000],
])('a 429 with Retry-After %s makes all wait %i ms', async (header, retryAfterMs) => {
  server.answerWith((_request, response) =>
    response.writeHead(429, { 'retry-after': header }).end(),
  )
  expect(await post('{}')).toMatchObject({ result: 'retry', retryAfterMs })
})

test('a date to wait for is compared with the clock of whoever wrote it', async () => {
  const [sentAt, until] = ['Mon, 05 Jan 2026 10:00:00 GMT', 'Mon, 05 Jan 2026 10:01:00 GMT']
  server.answerWith((_request, response) =>
    response.writeHead(429, { date: sentAt, 'retry-after': until }).end(),
  )
  expect(await post('{}')).toMatchObject({ retryAfterMs: 60_000 })
})

test('an answer that never ends is a retry after the timeout, one that is too large at once', async () => {
  server.answerWith((_request, response) => {
    const drip = setInterval(() => response.write(' '), 20)
    response.once('close', () => clearInterval(drip))
  })
  expect(await post('{}')).toMatchObject({ reason: 'the request timed out' })
  server.answerWith((_request, response) => response.writeHead(202).end('x'.repeat(3_000_000)))
  expect(await post('{}')).toMatchObject({
    result: 'retry',
    reason: 'the response is larger than 2000000 bytes',
  })
})

test('an error of Klaviyo’s is kept as far as the database can store it', async () => {
  const detail = `\0\ud800${'x'.repeat(10_000)}`
  server.answerWith((_request, response) =>
    response.writeHead(400).end(JSON.stringify({ errors: [{ detail }] })),
  )
  const answer = await post('{}')
  expect('reason' in answer && answer.reason).toMatch(/^400 \ufffd\ufffdx{1000,1998}$/)
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
