import { once } from 'node:events'
import { request } from 'node:http'
import { json } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import type { RunningSandbox } from '../../src/klaviyo-sandbox/listen.ts'
import { list, openSandbox } from './klaviyo-requests.ts'
import sdk from './sdk-requests.json' with { type: 'json' }

type SdkRequest = { method: string; path: string; headers: Record<string, string>; body?: object }

/** Header names keep their casing, which fetch would change. */
async function replay(sandbox: RunningSandbox, { method, path, headers, body }: SdkRequest) {
  const sent = request(sandbox.url + path, { method, headers })
  sent.end(body && JSON.stringify(body))
  const [response] = await once(sent, 'response')
  const isEmpty = response.headers['content-length'] === '0' || response.statusCode === 202
  return { status: response.statusCode, body: isEmpty ? undefined : await json(response) }
}

test("the official Node SDK's requests are accepted: application/json in, JSON:API out", async () => {
  const sandbox = await openSandbox()
  expect(await replay(sandbox, sdk.createEvent)).toEqual({ status: 202, body: undefined })
  expect(await replay(sandbox, sdk.bulkCreateEvents)).toEqual({ status: 202, body: undefined })
  expect(await replay(sandbox, sdk.createOrUpdateProfile)).toMatchObject({
    status: 200,
    body: { data: { type: 'profile', attributes: { organization: 'Klaviyo' } } },
  })
  expect(await replay(sandbox, sdk.getAccounts)).toMatchObject({
    status: 200,
    body: {
      data: [{ attributes: { contact_information: { organization_name: 'storefeed sandbox' } } }],
    },
  })
  expect(await replay(sandbox, sdk.getMetrics)).toMatchObject({
    status: 200,
    body: { data: [{ type: 'metric', attributes: { name: 'Placed Order' } }] },
  })
})

test("the official Node SDK's requests are recorded whole", async () => {
  const sandbox = await openSandbox()
  for (const sent of [sdk.createEvent, sdk.bulkCreateEvents, sdk.createOrUpdateProfile])
    await replay(sandbox, sent)
  expect(await list(sandbox, '/sandbox/events')).toMatchObject([
    { unique_id: '1234', transport: 'events', value: 335.99, backfill: false, order: '1234' },
    { unique_id: '1235', transport: 'bulk', value: 335.99, backfill: true, order: '1235' },
    { unique_id: '1236', transport: 'bulk', value: 335.99, backfill: true, order: '1236' },
  ])
  expect(await list(sandbox, '/sandbox/profiles')).toMatchObject([
    {
      email: 'john.smith@klaviyo-demo.com',
      phone_number: '+15005550006',
      external_id: 'c1',
      locale: 'en-US',
      location: { city: 'Boston', latitude: 42.35, longitude: '-71.06' },
      properties: { MostRecentStoreId: '7', StoresVisited: ['8'] },
    },
  ])
  expect(await list(sandbox, '/sandbox/errors')).toEqual([])
})
