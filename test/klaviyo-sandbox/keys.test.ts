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

test('a request without a private key is refused with 401', async () => {
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

test('a sandbox that wants one key refuses any other', async () => {
  const sandbox = await openSandbox({ settings: { key: 'pk_right' } })
  const right = { ...HEADERS, authorization: 'Klaviyo-API-Key pk_right' }
  expect(await codeOf(await send(sandbox, '/api/events', eventBody()))).toEqual([
    401,
    'authentication_failed',
  ])
  expect((await send(sandbox, '/api/events', eventBody(), right)).status).toBe(202)
})

test('a key without the scope is refused with 403, and a control gives it the scope', async () => {
  const sandbox = await openSandbox({ settings: { scopes: ['accounts:read'] } })
  expect(await codeOf(await send(sandbox, '/api/events', eventBody()))).toEqual([
    403,
    'permission_denied',
  ])
  expect((await control(sandbox, 'PUT', '/sandbox/settings', {})).status).toBe(200)
  expect((await send(sandbox, '/api/events', eventBody())).status).toBe(202)
})

test('a revision and the JSON:API media type are required', async () => {
  const sandbox = await openSandbox()
  const { revision: _revision, ...unrevised } = HEADERS
  expect(await codeOf(await send(sandbox, '/api/events', eventBody(), unrevised))).toEqual([
    400,
    'invalid',
  ])
  const plain = { ...HEADERS, 'content-type': 'application/json' }
  expect(await codeOf(await send(sandbox, '/api/events', eventBody(), plain))).toEqual([
    415,
    'unsupported_media_type',
  ])
})

test('the end of a revision is announced when a control sets it', async () => {
  const sandbox = await openSandbox({ settings: { retirement_date: '2028-07-15' } })
  const response = await send(sandbox, '/api/events', eventBody())
  expect(response.headers.get('x-klaviyo-api-retirement-date')).toBe('2028-07-15')
})

test('a doctor can ask for the account and for the metrics seen', async () => {
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

test('what the sandbox does not have is answered as JSON:API too, and marked', async () => {
  const sandbox = await openSandbox()
  const response = await fetch(`${sandbox.url}/api/flows`)
  expect(response.headers.get('x-storefeed-sandbox')).toBe('true')
  expect(await codeOf(response)).toEqual([404, 'not_found'])
})

test('every request is counted once as accepted, refused or throttled', async () => {
  const sandbox = await openSandbox()
  await send(sandbox, '/api/events', eventBody())
  await send(sandbox, '/api/events', {})
  await send(sandbox, '/api/events', eventBody(), {})
  expect((await statsOf(sandbox)).requests).toMatchObject({
    received: 3,
    accepted: 1,
    refused: 2,
    throttled: 0,
    early: 0,
    faults: {},
  })
})
