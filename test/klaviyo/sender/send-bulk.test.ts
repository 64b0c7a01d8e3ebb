import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient } from '../../../src/klaviyo/api/client.ts'
import { sendInBulk } from '../../../src/klaviyo/sender/send-bulk.ts'
import { startAnsweringServer } from '../../support/answering-server.ts'
import { silent, unlimited } from '../seed.ts'

let server: Awaited<ReturnType<typeof startAnsweringServer>>

beforeAll(async () => {
  server = await startAnsweringServer()
})
afterAll(() => server.stop())

const client = () =>
  createClient({ url: server.url, apiKey: 'pk_secret', share: unlimited, log: silent })
const errors = (pointer: string) =>
  JSON.stringify({ errors: [{ id: '1', code: 'invalid', detail: 'No.', source: { pointer } }] })

/** Each message is of its own order. */
const messagesOf = (bodies: string[]) =>
  bodies.map((body, id) => ({
    id,
    owner: `o${id}`,
    attempts: 0,
    body: JSON.stringify(body),
    warnings: [],
    without: () => null,
  }))

const entriesOf = (body: string): string[] =>
  JSON.parse(body).data.attributes['events-bulk-create'].data

test('a bulk request that is rejected without a pointer is halved until the bad event is found', async () => {
  const accepted: string[] = []
  server.answerWith((_request, response, body) => {
    const entries = entriesOf(body)
    const bad = entries.includes('e5')
    if (!bad) accepted.push(...entries)
    response.writeHead(bad ? 400 : 202).end(bad ? errors('/data') : '')
  })
  const messages = messagesOf(Array.from({ length: 8 }, (_, id) => `e${id}`))
  const { outcomes, pause } = await sendInBulk(client(), messages)
  expect(pause).toBeNull()
  expect(accepted).toEqual(['e0', 'e1', 'e2', 'e3', 'e4', 'e6', 'e7'])
  expect(outcomes.filter(({ status }) => status === 'failed').map(({ id }) => id)).toEqual([5])
  expect(outcomes).toHaveLength(8)
})

test('a bulk request is measured in bytes, so multi-byte text fills it sooner', async () => {
  const sizes: number[] = []
  const sent: string[] = []
  server.answerWith((_request, response, body) => {
    sizes.push(Buffer.byteLength(body))
    sent.push(...entriesOf(body).map((text) => text.slice(0, 2)))
    response.writeHead(202).end()
  })
  const messages = messagesOf([0, 1, 2, 3, 4].map((id) => `e${id}${'ж'.repeat(1_000_000)}`))
  const { outcomes } = await sendInBulk(client(), messages)
  expect(sent).toEqual(['e0', 'e1', 'e2', 'e3', 'e4'])
  expect(sizes).toHaveLength(3)
  expect(Math.max(...sizes)).toBeLessThanOrEqual(5_000_000)
  expect(outcomes.map(({ status }) => status)).toEqual(Array(5).fill('sent'))
})

test('an event larger than a bulk request is sent alone', async () => {
  const counts: number[] = []
  server.answerWith((_request, response, body) => {
    counts.push(entriesOf(body).length)
    response.writeHead(202).end()
  })
  await sendInBulk(client(), messagesOf(['e0', 'x'.repeat(5_000_000), 'e2']))
  expect(counts).toEqual([1, 1, 1])
})

test('a bulk request holds 1,000 events, and none follows one that must be retried', async () => {
  const counts: number[] = []
  server.answerWith((_request, response, body) => {
    counts.push(entriesOf(body).length)
    response.writeHead(counts.length === 2 ? 503 : 202).end()
  })
  const messages = messagesOf(Array.from({ length: 2_500 }, (_, id) => `e${id}`))
  const { outcomes, pause } = await sendInBulk(client(), messages)
  expect(counts).toEqual([1_000, 1_000])
  expect(outcomes.map(({ status }) => status)).toEqual([
    ...Array(1_000).fill('sent'),
    ...Array(1_000).fill('pending'),
  ])
  expect(pause).toEqual({ ms: 0 })
})

test('the rest of a rejected request does not overtake what must be retried', async () => {
  const seen: string[][] = []
  server.answerWith((_request, response, body) => {
    seen.push(entriesOf(body))
    const status = [400, 503][seen.length - 1] ?? 202
    response.writeHead(status).end(status === 400 ? errors('/data') : '')
  })
  const { outcomes } = await sendInBulk(client(), messagesOf(['e0', 'e1', 'e2', 'e3']))
  expect(seen).toEqual([
    ['e0', 'e1', 'e2', 'e3'],
    ['e0', 'e1'],
  ])
  expect(outcomes).toMatchObject([
    { id: 0, status: 'pending' },
    { id: 1, status: 'pending' },
  ])
})
