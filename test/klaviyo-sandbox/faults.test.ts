import { expect, test } from 'vitest'
import type { FaultsInput } from '../../src/klaviyo-sandbox/faults/fault-injector.ts'
import { createFaultInjector } from '../../src/klaviyo-sandbox/faults/fault-injector.ts'
import type { RunningSandbox } from '../../src/klaviyo-sandbox/listen.ts'
import {
  bulkBody,
  control,
  errorsOf,
  eventBody,
  HEADERS,
  list,
  openSandbox,
  read,
  send,
  sendForm,
  statsOf,
} from './klaviyo-requests.ts'

const BULK = '/api/event-bulk-create-jobs'

async function recordedIds(sandbox: RunningSandbox) {
  return (await list(sandbox, '/sandbox/events')).map((event) => event.unique_id)
}

test('an injected 429 closes the endpoint until Retry-After, and earlier requests are counted', async () => {
  const sandbox = await openSandbox({ faults: { throttle: 1, wait: 2 } })
  const first = await send(sandbox, '/api/events', eventBody({ unique_id: '1' }))
  expect([first.status, first.headers.get('retry-after')]).toEqual([429, '2'])
  await control(sandbox, 'PUT', '/sandbox/faults', {})
  expect((await send(sandbox, '/api/events', eventBody({ unique_id: '1' }))).status).toBe(429)
  const early = await statsOf(sandbox)
  expect(early.requests).toMatchObject({ throttled: 2, early: 1, faults: { throttle: 1 } })
  expect((await send(sandbox, BULK, bulkBody([{ unique_id: '2' }]))).status).toBe(202)
  await expect.poll(async () => (await send(sandbox, '/api/events', eventBody())).status).toBe(202)
})

test('an injected 5xx is JSON:API, or HTML as from a CDN, and records nothing', async () => {
  const sandbox = await openSandbox({ faults: { error: 1 } })
  const error = await send(sandbox, '/api/events', eventBody())
  expect(await errorsOf(error)).toMatchObject([{ status: 503, code: 'service_unavailable' }])
  await control(sandbox, 'PUT', '/sandbox/faults', { html: 1 })
  const html = await send(sandbox, '/api/events', eventBody())
  expect([html.status, html.headers.get('x-storefeed-sandbox')]).toEqual([525, 'true'])
  expect(await html.text()).toContain('<html>')
  expect(await recordedIds(sandbox)).toEqual([])
  expect((await statsOf(sandbox)).requests).toMatchObject({
    received: 2,
    accepted: 0,
    rejected: 0,
    faults: { error: 1, html: 1 },
  })
})

test('a hung request gets no response and records nothing', async () => {
  const sandbox = await openSandbox({ faults: { hang: 1 } })
  const request = fetch(`${sandbox.url}/api/events`, {
    method: 'POST',
    headers: HEADERS,
    body: JSON.stringify(eventBody()),
    signal: AbortSignal.timeout(200),
  })
  await expect(request).rejects.toThrow(/timeout/)
  expect(await recordedIds(sandbox)).toEqual([])
})

test('a connection is closed before anything is recorded, or after everything was', async () => {
  const sandbox = await openSandbox({ faults: { cut: 1 } })
  await expect(send(sandbox, '/api/events', eventBody({ unique_id: '1' }))).rejects.toThrow()
  expect(await recordedIds(sandbox)).toEqual([])
  await control(sandbox, 'PUT', '/sandbox/faults', { lost: 1 })
  await expect(send(sandbox, '/api/events', eventBody({ unique_id: '2' }))).rejects.toThrow()
  expect(await recordedIds(sandbox)).toEqual(['2'])
})

test('bad items are rejected by unique_id: in bulk, single and by Track', async () => {
  const faults: FaultsInput = { bad: { ids: ['7'], pattern: '^bad-' } }
  const sandbox = await openSandbox({ faults })
  const events = ['1', '7', 'bad-1', '2'].map((unique_id) => ({ unique_id }))
  const pointers = (await errorsOf(await send(sandbox, BULK, bulkBody(events)))).map(
    (error) => error.source.pointer,
  )
  expect(pointers).toEqual(
    [1, 2].map(
      (index) =>
        `/data/attributes/events-bulk-create/data/${index}/attributes/events/data/0/attributes/unique_id`,
    ),
  )
  expect((await send(sandbox, '/api/events', eventBody({ unique_id: '7' }))).status).toBe(400)
  const track = { token: 'T', event: 'E', customer_properties: {}, properties: { $event_id: 7 } }
  expect(await (await sendForm(sandbox, '/api/track', track)).text()).toBe('0')
  expect(await recordedIds(sandbox)).toEqual([])
})

test('the same seed draws the same faults, with the configured probabilities', () => {
  const faults = { seed: 7, throttle: 0.06, error: 0.06, hang: 0.01, cut: 0.01, lost: 0.01 }
  const drawAll = (seed: number) => {
    const faultInjector = createFaultInjector({ ...faults, seed })
    return Array.from({ length: 10_000 }, () => faultInjector.draw())
  }
  expect(drawAll(7)).toEqual(drawAll(7))
  expect(drawAll(7)).not.toEqual(drawAll(8))
  const shareOf = (kind: string | null) => drawAll(7).filter((one) => one === kind).length / 10_000
  expect(shareOf('throttle')).toBeCloseTo(0.06, 2)
  expect(shareOf('lost')).toBeCloseTo(0.01, 2)
  expect(shareOf(null)).toBeCloseTo(0.85, 2)
})

test('invalid faults are rejected and change nothing', async () => {
  const sandbox = await openSandbox()
  for (const body of [
    { error: 0.6, hang: 0.6 },
    { error: 2 },
    { erorr: 0.1 },
    { bad: { pattern: '(' } },
  ]) {
    expect((await control(sandbox, 'PUT', '/sandbox/faults', body)).status).toBe(400)
  }
  expect(await read(sandbox, '/sandbox/faults')).toMatchObject({ error: 0, bad: { ids: [] } })
})

test('a client that retries through every fault loses and duplicates nothing', async () => {
  const faults = { seed: 3, throttle: 0.1, wait: 0, error: 0.1, html: 0.05, cut: 0.1, lost: 0.1 }
  const sandbox = await openSandbox({ settings: { limits: false }, faults })
  const ids = Array.from({ length: 200 }, (_, index) => String(index))
  for (const unique_id of ids) {
    const event = eventBody({ unique_id, properties: { OrderId: '1' } })
    await expect
      .poll(
        () =>
          send(sandbox, '/api/events', event).then(
            ({ status }) => status,
            () => 0,
          ),
        {
          interval: 0,
        },
      )
      .toBe(202)
  }
  const events = await list(sandbox, '/sandbox/events?order=1&limit=1000')
  expect(events.map((event) => event.unique_id)).toEqual(ids)
  const stats = await statsOf(sandbox)
  expect(stats.events).toMatchObject({ recorded: 200 })
  expect(Object.keys(stats.requests.faults ?? {}).sort()).toEqual([
    'cut',
    'error',
    'html',
    'lost',
    'throttle',
  ])
})
