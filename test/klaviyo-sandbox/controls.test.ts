import { expect, test } from 'vitest'
import { startSandbox } from '../../src/klaviyo-sandbox/listen.ts'
import { control, eventBody, list, openSandbox, read, send, statsOf } from './klaviyo-requests.ts'

test('events are filtered by order, metric and unique_id, and paged', async () => {
  const sandbox = await openSandbox()
  for (const order of ['1', '2', '3']) {
    for (const metric of ['Placed Order', 'Fulfilled Order']) {
      await send(
        sandbox,
        '/api/events',
        eventBody({ metric, unique_id: order, properties: { OrderId: order } }),
      )
    }
  }
  const ids = async (query: string) =>
    (await list(sandbox, `/sandbox/events?${query}`)).map((event) => event.sequence)
  expect(await ids('order=2')).toEqual([3, 4])
  expect(await ids('metric=Fulfilled+Order')).toEqual([2, 4, 6])
  expect(await ids('metric=Fulfilled+Order&unique_id=3')).toEqual([6])
  expect(await ids('order=2&after=3')).toEqual([4])
  expect(await read(sandbox, '/sandbox/events?after=2&limit=2')).toMatchObject({
    events: [{ sequence: 3 }, { sequence: 4 }],
    next: 4,
  })
  expect(await read(sandbox, '/sandbox/events?after=4&limit=3')).toMatchObject({ next: null })
  expect((await fetch(`${sandbox.url}/sandbox/events?limit=none`)).status).toBe(400)
})

test('DELETE /sandbox resets the account: what was recorded before is accepted again', async () => {
  const sandbox = await openSandbox()
  await send(sandbox, '/api/events', eventBody({ unique_id: '1' }))
  expect((await control(sandbox, 'DELETE', '/sandbox', undefined)).status).toBe(204)
  expect(await statsOf(sandbox)).toMatchObject({
    requests: { received: 0 },
    profiles: { total: 0 },
  })
  await send(sandbox, '/api/events', eventBody({ unique_id: '1' }))
  expect((await statsOf(sandbox)).events).toMatchObject({ recorded: 1, duplicates: 0 })
})

test('control requests must be application/json, so that no website can control a sandbox', async () => {
  const sandbox = await openSandbox()
  const body = JSON.stringify({ url: `${sandbox.url}/feed.json` })
  const sent = await fetch(`${sandbox.url}/sandbox/catalog/import`, { method: 'POST', body })
  expect(sent.status).toBe(400)
})

test('starting on a port in use fails, and a stopped sandbox frees its port', async () => {
  const first = await startSandbox({ port: 0 })
  const port = Number(new URL(first.url).port)
  await expect(startSandbox({ port })).rejects.toThrow(/EADDRINUSE/)
  await first.stop()
  const second = await startSandbox({ port })
  expect((await fetch(second.url)).status).toBe(200)
  await second.stop()
})

test('a sandbox with a hung request can be stopped', async () => {
  const sandbox = await startSandbox({ port: 0, faults: { hang: 1 } })
  const hung = send(sandbox, '/api/events', eventBody())
  await expect.poll(() => sandbox.state.account.counts.faults.hang).toBe(1)
  await Promise.all([expect(hung).rejects.toThrow(), sandbox.stop()])
})
