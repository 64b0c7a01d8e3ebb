/** The page of a person. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../support/server.ts'
import { postForm, sessionOf } from './console.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

test('of a person the newest are shown, and more when they are asked for', async () => {
  const customer = { id: 'often', email: 'often@klaviyo-demo.com' }
  for (let day = 1; day <= 22; day++)
    await server.ask('POST', '/v1/visits', {
      customer,
      store_id: `store-${day}`,
      at: new Date(Date.now() - day * 86_400_000).toISOString(),
    })
  const cookie = await sessionOf(server)
  const open = async (form: Record<string, string>) =>
    (await postForm(server.url, '/console/people/person', form, { Cookie: cookie })).text()
  const few = await open({ id: 'often' })
  expect(few).toContain('store-20<')
  expect(few).not.toContain('store-21<')
  expect(few).toContain('Show up to 200 of each')
  const more = await open({ id: 'often', more: 'yes' })
  expect(more).toContain('store-22<')
  expect(more).not.toContain('Show up to 200 of each')
})
