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
const never = () => false
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
    smaller: () => null,
  }))

const entriesOf = (body: string): string[] =>
  JSON.parse(body).data.attributes['events-bulk-create'].data

test.each([
  ['rejected without a pointer', 400, errors('/data')],
  ['called too large', 413, '<html>'],
])('a bulk request that is %s is left to single requests', async (_, status, answer) => {
  const counts: number[] = []
  server.answerWith((_request, response, body) => {
    counts.push(entriesOf(body).length)
    response.writeHead(status).end(answer)
  })
  const messages = messagesOf(Array.from({ length: 1_500 }, (_, id) => `e${id}`))
  const { outcomes, refused } = await sendInBulk(client(), messages, never)
  expect([counts, outcomes, refused.size]).toEqual([[1_000], [], 1_000])
})

test('a bulk request whose errors point at one event after another is left to single requests in the end', async () => {
  const counts: number[] = []
  server.answerWith((_request, response, body) => {
    counts.push(entriesOf(body).length)
    response.writeHead(400).end(errors('/data/attributes/events-bulk-create/data/0/attributes'))
  })
  const { outcomes, refused } = await sendInBulk(
    client(),
    messagesOf(['e0', 'e1', 'e2', 'e3', 'e4', 'e5']),
    never,
  )
  expect(counts).toEqual([6, 5, 4])
  expect(outcomes).toMatchObject([0, 1, 2].map((id) => ({ id, status: 'failed' })))
  expect([...refused]).toEqual([3, 4, 5])
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
  const { outcomes } = await sendInBulk(client(), messages, never)
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
  await sendInBulk(client(), messagesOf(['e0', 'x'.repeat(5_000_000), 'e2']), never)
  expect(counts).toEqual([1, 1, 1])
})

test('a bulk request holds 1,000 events, and none follows one that must be retried', async () => {
  const counts: number[] = []
  server.answerWith((_request, response, body) => {
    counts.push(entriesOf(body).length)
    response.writeHead(counts.length === 2 ? 503 : 202).end()
  })
  const messages = messagesOf(Array.from({ length: 2_500 }, (_, id) => `e${id}`))
  const { outcomes, pause } = await sendInBulk(client(), messages, never)
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
    const first = errors('/data/attributes/events-bulk-create/data/0/attributes')
    response.writeHead(status).end(status === 400 ? first : '')
  })
  const { outcomes, pause } = await sendInBulk(client(), messagesOf(['e0', 'e1', 'e2']), never)
  expect(seen).toEqual([
    ['e0', 'e1', 'e2'],
    ['e1', 'e2'],
  ])
  expect(outcomes).toMatchObject([
    { id: 0, status: 'failed', error: '400 No.' },
    { id: 1, status: 'pending' },
    { id: 2, status: 'pending' },
  ])
  expect(pause).toEqual({ ms: 0 })
})

test('a batch that is over sends no further request, and settles what it sent', async () => {
  server.answerWith((_request, response) => response.writeHead(202).end())
  const messages = messagesOf(Array.from({ length: 2_500 }, (_, id) => `e${id}`))
  let asked = 0
  const { outcomes, pause } = await sendInBulk(client(), messages, () => ++asked > 2)
  expect([outcomes.length, pause]).toEqual([2_000, { ms: 0 }])
})
