/** In charge of showing in which requests messages leave, and what each answer makes of them and of those behind them. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient } from '../../../src/klaviyo/api/client.ts'
import { deliverInBulk } from '../../../src/klaviyo/sender/send-bulk.ts'
import { deliverSingly } from '../../../src/klaviyo/sender/send-single.ts'
import { silent, unlimited } from '../seed.ts'

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void

let url = ''
let answer: Answer
const server = createServer(async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  answer(request, response, Buffer.concat(chunks).toString())
})

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  url = typeof address === 'object' && address ? `http://127.0.0.1:${address.port}` : ''
})
afterAll(() => server.close())

const client = () => createClient({ url, apiKey: 'pk_secret', share: unlimited, log: silent })
const errors = (pointer: string) =>
  JSON.stringify({ errors: [{ id: '1', code: 'invalid', detail: 'No.', source: { pointer } }] })

/** Each message is of an order of its own. */
const parcelsOf = (bodies: string[]) =>
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

test('a bulk request refused without a pointer is halved until the bad event is found', async () => {
  const accepted: string[] = []
  answer = (_request, response, body) => {
    const ids = entriesOf(body)
    const bad = ids.includes('e5')
    if (!bad) accepted.push(...ids)
    response.writeHead(bad ? 400 : 202).end(bad ? errors('/data') : '')
  }
  const parcels = parcelsOf(Array.from({ length: 8 }, (_, id) => `e${id}`))
  const { outcomes, halt } = await deliverInBulk(client(), parcels)
  expect(halt).toBeNull()
  expect(accepted).toEqual(['e0', 'e1', 'e2', 'e3', 'e4', 'e6', 'e7'])
  expect(outcomes.filter(({ status }) => status === 'failed').map(({ id }) => id)).toEqual([5])
  expect(outcomes).toHaveLength(8)
})

test('a bulk request is measured in bytes: texts of another alphabet fill it sooner', async () => {
  const sizes: number[] = []
  const sent: string[] = []
  answer = (_request, response, body) => {
    sizes.push(Buffer.byteLength(body))
    sent.push(...entriesOf(body).map((text) => text.slice(0, 2)))
    response.writeHead(202).end()
  }
  const parcels = parcelsOf([0, 1, 2, 3, 4].map((id) => `e${id}${'ж'.repeat(1_000_000)}`))
  const { outcomes } = await deliverInBulk(client(), parcels)
  expect(sent).toEqual(['e0', 'e1', 'e2', 'e3', 'e4'])
  expect(sizes).toHaveLength(3)
  expect(Math.max(...sizes)).toBeLessThanOrEqual(5_000_000)
  expect(outcomes.map(({ status }) => status)).toEqual(Array(5).fill('sent'))
})

test('an event larger than a bulk request may be still goes, alone', async () => {
  const counts: number[] = []
  answer = (_request, response, body) => {
    counts.push(entriesOf(body).length)
    response.writeHead(202).end()
  }
  await deliverInBulk(client(), parcelsOf(['e0', 'x'.repeat(5_000_000), 'e2']))
  expect(counts).toEqual([1, 1, 1])
})

test('a bulk request holds 1,000 events, and none follows one that must be tried again', async () => {
  const counts: number[] = []
  answer = (_request, response, body) => {
    counts.push(entriesOf(body).length)
    response.writeHead(counts.length === 2 ? 503 : 202).end()
  }
  const parcels = parcelsOf(Array.from({ length: 2_500 }, (_, id) => `e${id}`))
  const { outcomes, halt } = await deliverInBulk(client(), parcels)
  expect(counts).toEqual([1_000, 1_000])
  expect(outcomes.map(({ status }) => status)).toEqual([
    ...Array(1_000).fill('sent'),
    ...Array(1_000).fill('pending'),
  ])
  expect(halt).toEqual({ pauseMs: 0, alarm: null })
})

test('what a refused request leaves of a round does not overtake what must be tried again', async () => {
  const seen: string[][] = []
  answer = (_request, response, body) => {
    seen.push(entriesOf(body))
    const status = [400, 503][seen.length - 1] ?? 202
    response.writeHead(status).end(status === 400 ? errors('/data') : '')
  }
  const { outcomes } = await deliverInBulk(client(), parcelsOf(['e0', 'e1', 'e2', 'e3']))
  expect(seen).toEqual([
    ['e0', 'e1', 'e2', 'e3'],
    ['e0', 'e1'],
  ])
  expect(outcomes).toMatchObject([
    { id: 0, status: 'pending' },
    { id: 1, status: 'pending' },
  ])
})

test('one by one, nothing of an order follows what must be tried again, and other orders go on', async () => {
  const seen: string[] = []
  answer = (_request, response, body) => {
    seen.push(body)
    response.writeHead(body === '"a1"' ? 503 : 202).end()
  }
  const parcels = parcelsOf(['a0', 'a1', 'a2', 'b0', 'b1']).map((parcel) => ({
    ...parcel,
    owner: parcel.body.slice(1, 2),
  }))
  const { outcomes, halt } = await deliverSingly(client(), 'event', parcels)
  expect(seen.toSorted()).toEqual(['"a0"', '"a1"', '"b0"', '"b1"'])
  expect(outcomes.find(({ id }) => id === 1)).toMatchObject({ status: 'pending' })
  expect(outcomes).toHaveLength(4)
  expect(halt).toBeNull()
})

test('after a 429 nothing of any order is sent, and no message counts it', async () => {
  let requests = 0
  answer = (_request, response) => {
    requests++
    response.writeHead(requests === 2 ? 429 : 202, { 'retry-after': '7' }).end()
  }
  const parcels = parcelsOf(['a0', 'a1', 'a2', 'a3']).map((parcel) => ({ ...parcel, owner: 'a' }))
  const { outcomes, halt } = await deliverSingly(client(), 'event', parcels)
  expect(requests).toBe(2)
  expect(outcomes).toMatchObject([{ id: 0, status: 'sent' }])
  expect(halt).toEqual({ pauseMs: 7_000, alarm: null })
})
