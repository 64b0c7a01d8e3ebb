import { once } from 'node:events'
import { get } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RunningSandbox, startSandbox } from '../../src/klaviyo-sandbox/listen.ts'

let sandbox: RunningSandbox

beforeAll(async () => {
  sandbox = await startSandbox({ port: 0 })
})
afterAll(() => sandbox.stop())

test.each([
  ['localhost', 200],
  ['127.0.0.1', 200],
  ['[::1]:3001', 200],
  ['localhost.attacker.example', 421],
  ['attacker.example', 421],
  ['127.0.0.1.attacker.example', 421],
])('a request for the host %s is answered with %i', async (host, status) => {
  const request = get(sandbox.url, { headers: { Host: host } })
  const [response] = await once(request, 'response')
  response.resume()
  expect(response.statusCode).toBe(status)
})
