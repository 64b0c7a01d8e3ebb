import { expect, test } from 'vitest'
import guide from './guide-payloads.json' with { type: 'json' }
import { list, openSandbox, sendForm, statsOf } from './klaviyo-requests.ts'

const { placedOrder, orderedProduct, fulfilledOrder, cancelledOrder, refundedOrder } = guide
const ORDER_EVENTS = [placedOrder, orderedProduct, fulfilledOrder, cancelledOrder, refundedOrder]

test("the order events of Klaviyo's guide are answered with 1 and recorded in order", async () => {
  const sandbox = await openSandbox()
  for (const payload of ORDER_EVENTS) {
    const response = await sendForm(sandbox, '/api/track', payload)
    expect([response.status, await response.text()]).toEqual([200, '1'])
  }
  const events = await list(sandbox, '/sandbox/events?order=1234')
  expect(events.map((event) => event.body)).toEqual(ORDER_EVENTS)
  expect(events[0]).toMatchObject({
    metric: 'Placed Order',
    unique_id: '1234',
    time: '2013-12-17T17:47:03.000Z',
    value: 335.99,
    transport: 'track',
  })
})

test("the guide's customer becomes a profile, and Identify sets the recent store", async () => {
  const sandbox = await openSandbox()
  await sendForm(sandbox, '/api/track', placedOrder)
  const properties = { ...guide.identify.properties, MostRecentStoreId: '7' }
  const response = await sendForm(sandbox, '/api/identify', { ...guide.identify, properties })
  expect(await response.text()).toBe('1')
  const profiles = await list(sandbox, '/sandbox/profiles')
  expect(profiles).toMatchObject([
    {
      email: 'john.smith@klaviyo-demo.com',
      first_name: 'John',
      last_name: 'Smith',
      phone_number: '5551234567',
      location: {
        address1: '123 Abc st',
        city: 'Boston',
        zip: '02110',
        region: 'MA',
        country: 'USA',
      },
      properties: { MostRecentStoreLocation: 'Boston', MostRecentStoreId: '7' },
    },
  ])
})

test('a repeated event and $event_id is a duplicate for any customer', async () => {
  const sandbox = await openSandbox()
  await sendForm(sandbox, '/api/track', placedOrder)
  const other = { ...placedOrder, customer_properties: { $email: 'jane@klaviyo-demo.com' } }
  expect(await (await sendForm(sandbox, '/api/track', other)).text()).toBe('1')
  expect((await statsOf(sandbox)).events).toMatchObject({
    recorded: 1,
    duplicates: 1,
  })
})

test('a GET with the payload in base64 is accepted', async () => {
  const sandbox = await openSandbox()
  const data = Buffer.from(JSON.stringify(placedOrder)).toString('base64')
  const response = await fetch(`${sandbox.url}/api/track?${new URLSearchParams({ data })}`)
  expect(await response.text()).toBe('1')
  expect((await statsOf(sandbox)).events).toMatchObject({ recorded: 1 })
})

test('an invalid payload is answered with 0, with the reason in /sandbox/errors', async () => {
  const sandbox = await openSandbox()
  const { token: _token, ...tokenless } = placedOrder
  const wrong = [
    tokenless,
    { ...placedOrder, time: 1387302423000 },
    { ...placedOrder, event: '' },
    'text',
  ]
  for (const payload of wrong) {
    expect(await (await sendForm(sandbox, '/api/track', payload)).text()).toBe('0')
  }
  expect(
    await (await sendForm(sandbox, '/api/identify', { token: 'T', properties: {} })).text(),
  ).toBe('0')
  const errors = await list(sandbox, '/sandbox/errors')
  expect(errors).toHaveLength(5)
  expect(errors[0]).toMatchObject({ details: [{ detail: expect.stringContaining('token') }] })
  expect((await statsOf(sandbox)).requests).toMatchObject({
    accepted: 0,
    rejected: 5,
  })
})

test('with track_retired, Track and Identify answer 410 as the real ones do', async () => {
  const sandbox = await openSandbox({ settings: { track_retired: true } })
  expect((await sendForm(sandbox, '/api/track', placedOrder)).status).toBe(410)
  expect((await sendForm(sandbox, '/api/identify', guide.identify)).status).toBe(410)
})
