import { expect, test } from 'vitest'
import {
  control,
  errorsOf,
  eventBody,
  HEADERS,
  openSandbox,
  send,
  statsOf,
} from './klaviyo-requests.ts'

async function codeOf(response: Response) {
  const errors = await errorsOf(response)
  return [response.status, errors[0]?.code]
}

test('a request without a private key is rejected with 401', async () => {
  const sandbox = await openSandbox()
  const { authorization: _key, ...keyless } = HEADERS
  expect(await codeOf(await send(sandbox, '/api/events', eventBody(), keyless))).toEqual([
    401,
    'not_authenticated',
  ])
  const bearer = { ...HEADERS, authorization: 'Bearer pk_test' }
  expect(await codeOf(await send(sandbox, '/api/events', eventBody(), bearer))).toEqual([
    401,
    'not_authenticated',
  ])
})

test('a sandbox with a key rejects any other', async () => {
  const sandbox = await openSandbox({ settings: { key: 'pk_right' } })
  const right = { ...HEADERS, authorization: 'Klaviyo-API-Key pk_right' }
  expect(await codeOf(await send(sandbox, '/api/events', eventBody()))).toEqual([
    401,
    'authentication_failed',
  ])
  expect((await send(sandbox, '/api/events', eventBody(), right)).status).toBe(202)
})

test('a key without the scope is rejected with 403; PUT /sandbox/settings changes its scopes', async () => {
  const sandbox = await openSandbox({ settings: { scopes: ['accounts:read'] } })
  expect(await codeOf(await send(sandbox, '/api/events', eventBody()))).toEqual([
    403,
    'permission_denied',
  ])
  expect((await control(sandbox, 'PUT', '/sandbox/settings', {})).status).toBe(200)
  expect((await send(sandbox, '/api/events', eventBody())).status).toBe(202)
})

test('a revision header and a JSON media type are required', async () => {
  const sandbox = await openSandbox()
  const { revision: _revision, ...withoutRevision } = HEADERS
  expect(await codeOf(await send(sandbox, '/api/events', eventBody(), withoutRevision))).toEqual([
    400,
    'invalid',
  ])
  const plain = { ...HEADERS, 'content-type': 'text/plain' }
  expect(await codeOf(await send(sandbox, '/api/events', eventBody(), plain))).toEqual([
    415,
    'unsupported_media_type',
  ])
})

test('the retirement date of the revision is announced when it is set', async () => {
  const sandbox = await openSandbox({ settings: { retirement_date: '2028-07-15' } })
  const response = await send(sandbox, '/api/events', eventBody())
  expect(response.headers.get('x-klaviyo-api-retirement-date')).toBe('2028-07-15')
})

test('the account and the metrics of its events can be read', async () => {
  const sandbox = await openSandbox()
  await send(sandbox, '/api/events', eventBody({ metric: 'Placed Order Retail' }))
  const accounts = await fetch(`${sandbox.url}/api/accounts`, { headers: HEADERS })
  expect(await accounts.json()).toMatchObject({
    data: [{ attributes: { contact_information: { organization_name: 'storefeed sandbox' } } }],
  })
  const metrics = await fetch(`${sandbox.url}/api/metrics`, { headers: HEADERS })
  expect(await metrics.json()).toMatchObject({
    data: [{ type: 'metric', attributes: { name: 'Placed Order Retail' } }],
  })
})

test('an unknown path is a 404 in JSON:API, marked as the sandbox’s', async () => {
  const sandbox = await openSandbox()
  const response = await fetch(`${sandbox.url}/api/flows`)
  expect(response.headers.get('x-storefeed-sandbox')).toBe('true')
  expect(await codeOf(response)).toEqual([404, 'not_found'])
})

test('every request is counted once as accepted, rejected or throttled', async () => {
  const sandbox = await openSandbox()
  await send(sandbox, '/api/events', eventBody())
  await send(sandbox, '/api/events', {})
  await send(sandbox, '/api/events', eventBody(), {})
  expect((await statsOf(sandbox)).requests).toMatchObject({
    received: 3,
    accepted: 1,
    rejected: 2,
    throttled: 0,
    early: 0,
    faults: {},
  })
})
