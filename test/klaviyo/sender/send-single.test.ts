import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient } from '../../../src/klaviyo/api/client.ts'
import { endpoints } from '../../../src/klaviyo/api/endpoints.ts'
import { sendSingly } from '../../../src/klaviyo/sender/send-single.ts'
import { startAnsweringServer } from '../../support/answering-server.ts'
import { silent, unlimited } from '../seed.ts'

let server: Awaited<ReturnType<typeof startAnsweringServer>>

beforeAll(async () => {
  server = await startAnsweringServer()
})
afterAll(() => server.stop())

const client = () =>
  createClient({ url: server.url, apiKey: 'pk_secret', share: unlimited, log: silent })
/** Each message is of its own order. */
const messagesOf = (bodies: string[]) =>
  bodies.map((body, id) => ({
    id,
    owner: `o${id}`,
    attempts: 0,
    body: JSON.stringify(body),
    warnings: [],
    without: () => null,
    smaller: () => null,
  }))

test('nothing of an order follows a message that must be retried, and other orders go on', async () => {
  const seen: string[] = []
  server.answerWith((_request, response, body) => {
    seen.push(body)
    response.writeHead(body === '"a1"' ? 503 : 202).end()
  })
  const messages = messagesOf(['a0', 'a1', 'a2', 'b0', 'b1']).map((message) => ({
    ...message,
    owner: message.body.slice(1, 2),
  }))
  const { outcomes, pause } = await sendSingly(client(), endpoints.event, messages, () => false)
  expect(seen.toSorted()).toEqual(['"a0"', '"a1"', '"b0"', '"b1"'])
  expect(outcomes.find(({ id }) => id === 1)).toMatchObject({ status: 'pending' })
  expect(outcomes).toHaveLength(4)
  expect(pause).toBeNull()
})

test('after a 429 nothing more is sent, and no message counts an attempt', async () => {
  let requests = 0
  server.answerWith((_request, response) => {
    requests++
    response.writeHead(requests === 2 ? 429 : 202, { 'retry-after': '7' }).end()
  })
  const messages = messagesOf(['a0', 'a1', 'a2', 'a3']).map((message) => ({
    ...message,
    owner: 'a',
  }))
  const { outcomes, pause } = await sendSingly(client(), endpoints.event, messages, () => false)
  expect(requests).toBe(2)
  expect(outcomes).toMatchObject([{ id: 0, status: 'sent' }])
  expect(pause).toMatchObject({ ms: 7_000 })
})
