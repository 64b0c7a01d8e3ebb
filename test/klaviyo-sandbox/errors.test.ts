import { describe, expect, test } from 'vitest'
import {
  type EventParts,
  errorsOf,
  eventBody,
  HEADERS,
  list,
  openSandbox,
  send,
  statsOf,
} from './klaviyo-requests.ts'

describe('rejected with 400 or 413', () => {
  const deep = (levels: number): object => (levels === 0 ? {} : { in: deep(levels - 1) })
  const wide = Object.fromEntries(Array.from({ length: 401 }, (_, index) => [`p${index}`, index]))
  const inAYearAndADay = new Date(Date.now() + 366 * 86_400_000).toISOString()
  const cases: [string, EventParts, string, RegExp][] = [
    [
      'a phone number that is not E.164',
      { profile: { phone_number: '5551234567' } },
      '/profile/data/attributes/phone_number',
      /Invalid phone number format/,
    ],
    [
      'an invalid e-mail address',
      { email: 'john at home' },
      '/profile/data/attributes/email',
      /Invalid email/,
    ],
    [
      'an e-mail address of 101 characters',
      { email: `${'a'.repeat(84)}@klaviyo-demo.com` },
      '/profile/data/attributes/email',
      /Invalid email/,
    ],
    ['an empty unique_id', { unique_id: '' }, '/unique_id', /./],
    ['a unique_id of 256 characters', { unique_id: 'x'.repeat(256) }, '/unique_id', /./],
    ['a unique_id that is a number', { unique_id: 1234 }, '/unique_id', /expected string/],
    ['a time without an offset', { time: '2024-05-01T10:00:00' }, '/time', /ISO 8601/],
    ['a time with microseconds', { time: '2024-05-01T10:00:00.123456Z' }, '/time', /ISO 8601/],
    ['a UNIX time', { time: 1387302423 }, '/time', /expected string/],
    ['a time before 1991', { time: '1990-05-01T10:00:00Z' }, '/time', /1990/],
    ['a time more than a year ahead', { time: inAYearAndADay }, '/time', /one year/],
    ['a value that is a string', { value: '335.99' }, '/value', /expected number/],
    [
      'a metric name of 128 characters',
      { metric: 'm'.repeat(128) },
      '/metric/data/attributes/name',
      /./,
    ],
    ['more than 400 properties', { properties: wide }, '/properties', /400 properties/],
    [
      'a string of more than 100 KB',
      { properties: { Items: [{ Note: 'é'.repeat(50_001) }] } },
      '/properties/Items/0/Note',
      /100000 bytes/,
    ],
    [
      'a list of more than 4,000 items',
      { properties: { Items: Array(4_001).fill(1) } },
      '/properties/Items',
      /4000 items/,
    ],
    [
      'more than 10 levels of nesting',
      { properties: deep(11) },
      `/properties${'/in'.repeat(10)}`,
      /10 levels/,
    ],
    [
      'a profile of more than 95 KB',
      { profile: { email: 'a@klaviyo-demo.com', properties: { Note: 'x'.repeat(95_000) } } },
      '/profile/data',
      /95000 bytes/,
    ],
    ['an unknown field', { uniqueId: '1' }, '/uniqueId', /'uniqueId' is not a valid field/],
  ]

  test.each(cases)('%s', async (_name, parts, pointer, detail) => {
    const sandbox = await openSandbox()
    const response = await send(sandbox, '/api/events', eventBody(parts))
    expect(response.status).toBe(400)
    expect(response.headers.get('content-type')).toBe('application/vnd.api+json')
    expect(await errorsOf(response)).toEqual([
      {
        id: expect.any(String),
        status: 400,
        code: 'invalid',
        title: 'Invalid input.',
        detail: expect.stringMatching(detail),
        source: { pointer: `/data/attributes${pointer}` },
        links: {},
        meta: {},
      },
    ])
    expect((await statsOf(sandbox)).events).toMatchObject({ recorded: 0 })
    expect(await list(sandbox, '/sandbox/errors')).toHaveLength(1)
  })

  test('values at a limit are accepted', async () => {
    const sandbox = await openSandbox()
    const { p400: _one, ...most } = wide
    const atLimits = [
      { email: `${'a'.repeat(83)}@klaviyo-demo.com` },
      { unique_id: 'x'.repeat(255), metric: 'm'.repeat(127), properties: most },
      { time: '1991-01-01T00:00:00Z', properties: deep(9) },
      { time: '2024-05-01T10:00:00.123-05:00', value: 0 },
    ]
    for (const parts of atLimits) {
      expect((await send(sandbox, '/api/events', eventBody(parts))).status).toBe(202)
    }
  })

  test('a body that lacks a required field', async () => {
    const sandbox = await openSandbox()
    const { metric: _metric, ...attributes } = eventBody().data.attributes
    const response = await send(sandbox, '/api/events', { data: { type: 'event', attributes } })
    expect(await errorsOf(response)).toMatchObject([
      { detail: "'metric' is a required field.", source: { pointer: '/data/attributes/metric' } },
    ])
  })

  test('a body that is not JSON, and one of more than 5 MB', async () => {
    const sandbox = await openSandbox()
    const url = `${sandbox.url}/api/events`
    const truncated = await fetch(url, { method: 'POST', headers: HEADERS, body: '{"data":' })
    expect(truncated.status).toBe(400)
    const properties = Object.fromEntries(
      Array.from({ length: 60 }, (_, index) => [`p${index}`, 'x'.repeat(90_000)]),
    )
    const large = await send(sandbox, '/api/events', eventBody({ properties }))
    expect(large.status).toBe(413)
    const chunked = await fetch(url, {
      method: 'POST',
      headers: HEADERS,
      body: new Blob([JSON.stringify(eventBody({ properties }))]).stream(),
      duplex: 'half',
    })
    expect(chunked.status).toBe(413)
  })
})
