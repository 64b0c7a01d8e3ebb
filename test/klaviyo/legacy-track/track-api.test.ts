import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient } from '../../../src/klaviyo/api/client.ts'
import { trackEndpoint } from '../../../src/klaviyo/legacy-track/track-api.ts'
import { startAnsweringServer } from '../../support/answering-server.ts'
import { silent, unlimited } from '../seed.ts'

let server: Awaited<ReturnType<typeof startAnsweringServer>>

beforeAll(async () => {
  server = await startAnsweringServer()
})
afterAll(() => server.stop())

test('Track is sent as a form and answers 1 for yes, 0 for no', async () => {
  const client = createClient({ url: server.url, apiKey: null, share: unlimited, log: silent })
  let sent = ''
  server.answerWith((_request, response, body) => {
    sent = body
    response.end('1')
  })
  expect((await client.post(trackEndpoint, '{"event":"é"}')).result).toBe('accepted')
  expect(new URLSearchParams(sent).get('data')).toBe('{"event":"é"}')
  server.answerWith((_request, response) => response.end('0'))
  expect((await client.post(trackEndpoint, '{}')).result).toBe('rejected')
  server.answerWith((_request, response) => response.end('<html>a captive portal</html>'))
  expect((await client.post(trackEndpoint, '{}')).result).toBe('retry')
  server.answerWith((_request, response) => response.writeHead(202).end('1'))
  expect((await client.post(trackEndpoint, '{}')).result).toBe('retry')
})
