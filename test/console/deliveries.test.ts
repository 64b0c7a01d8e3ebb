/** By task, in a browser: a failed message is fixed and sent, a person is found and erased, a key is made and revoked. */
import { sql } from 'drizzle-orm'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { createFaultInjector } from '../../src/klaviyo-sandbox/faults/fault-injector.ts'
import { type RunningSandbox, startSandbox } from '../../src/klaviyo-sandbox/listen.ts'
import { hasBrowser, launch } from '../support/browser.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { openMenu, postForm, sessionOf, signIn } from './console.ts'

describe.skipIf(!hasBrowser)('in a browser', () => {
  let server: TestServer
  let sandbox: RunningSandbox
  let browser: Browser

  beforeAll(async () => {
    sandbox = await startSandbox({ port: 0, settings: { limits: false } })
    const { klaviyo } = readConfig({ KLAVIYO_API_KEY: 'pk_test', KLAVIYO_URL: sandbox.url })
    server = await startTestServer({ klaviyo })
    sandbox.state.settings.console_url = server.url
    browser = await launch()
  })
  afterAll(async () => {
    await browser.close()
    await server.stop()
    await sandbox.stop()
  })

  const recordOrder = (id: string, email: string) =>
    server.ask('PUT', `/v1/orders/${id}`, {
      total: 10,
      customer: { email, first_name: 'Ann', last_name: 'Lee' },
      items: [{ product_id: 'p', sku: 's', item_price: 10 }],
    })

  async function countOf(query: string): Promise<number> {
    const { body } = await server.ask('GET', `/v1/events?${query}`)
    return (body as { events: unknown[] }).events.length
  }

  const text = (page: Page) => page.locator('main').innerText()

  test('what Klaviyo refuses is counted, explained, fixed, retried and sent, and leads to its event', async () => {
    sandbox.state.faultInjector = createFaultInjector({ bad: { ids: ['bad-1', 'bad-2'] } })
    await recordOrder('bad-1', 'a1@klaviyo-demo.com')
    await recordOrder('bad-2', 'a2@klaviyo-demo.com')
    await expect.poll(() => countOf('status=failed')).toBe(2)
    const { page, errors } = await signIn(browser, server)
    await page.locator('nav .count', { hasText: '2' }).waitFor()
    await page.locator('nav').getByRole('link', { name: 'Deliveries' }).click()
    await expect.poll(() => text(page)).toContain('set to reject this unique_id')
    await page.getByRole('link', { name: /set to reject/ }).click()
    await page.locator('tbody').last().getByRole('link', { name: 'Placed order' }).first().click()
    await expect.poll(() => text(page)).toContain('Klaviyo’s answer')

    sandbox.state.faultInjector = createFaultInjector({})
    await page.getByRole('link', { name: '← Deliveries' }).click()
    await page.getByRole('link', { name: 'Retry… all of this cause' }).click()
    await expect.poll(() => text(page)).toContain('2 failed messages of this cause')
    // To be asked changes nothing.
    expect(await countOf('status=failed')).toBe(2)
    await page.getByRole('button', { name: 'Retry 2 messages' }).click()
    await page.getByText('2 messages will be sent again.').waitFor()
    await expect.poll(() => countOf('order_id=bad-1&status=sent')).toBe(2)
    await expect.poll(() => countOf('order_id=bad-2&status=sent')).toBe(2)

    await page.goto(`${server.url}/console/orders/bad-1`)
    await page.getByRole('link', { name: 'Placed order' }).click()
    await page.getByRole('link', { name: 'See it in the sandbox' }).click()
    await expect.poll(() => page.url()).toContain(sandbox.url)
    await page.getByText('"OrderId": "bad-1"').waitFor()
    await page.getByRole('link', { name: 'Its message in storefeed' }).click()
    await page.waitForURL(/\/console\/deliveries\/\d+$/)
    expect(await page.locator('h1').innerText()).toContain('Placed order · bad-1')
    expect(errors).toEqual([])
    await page.context().close()
  })

  test('the list shows what comes without being asked to', async () => {
    const { page } = await signIn(browser, server)
    await page.goto(`${server.url}/console/deliveries?order_id=live-1`)
    await page.getByText('No messages match').waitFor()
    await recordOrder('live-1', 'live@klaviyo-demo.com')
    await page.locator('#list').getByRole('link', { name: 'Placed order' }).waitFor()
    await page.context().close()
  })

  test('what is discarded is counted first, and not if others match by then', async () => {
    sandbox.state.faultInjector = createFaultInjector({ bad: { pattern: '^late-' } })
    await recordOrder('late-1', 'l1@klaviyo-demo.com')
    await expect.poll(() => countOf('status=failed&order_id=late-1')).toBe(2)
    const { page } = await signIn(browser, server)
    await page.goto(`${server.url}/console/deliveries?status=failed`)
    await page.getByRole('link', { name: 'Discard… all that match' }).click()
    await recordOrder('late-2', 'l2@klaviyo-demo.com')
    await expect.poll(() => countOf('status=failed&order_id=late-2')).toBe(2)
    await page.getByRole('button', { name: 'Discard 2 messages' }).click()
    await page.getByText('4 messages match by now').waitFor()
    expect(await countOf('status=discarded')).toBe(0)
    await page.getByRole('button', { name: 'Discard 4 messages' }).click()
    await page.getByText('4 messages discarded.').waitFor()
    expect(await countOf('status=failed')).toBe(0)
    await page.context().close()
  })

  test('a person is found by e-mail, shown and erased, and the e-mail stands in no address and no title', async () => {
    const email = 'ann.lee@klaviyo-demo.com'
    sandbox.state.faultInjector = createFaultInjector({})
    await recordOrder('person-1', email)
    // An id may be an e-mail itself.
    await server.ask('PUT', '/v1/customers/eve%40klaviyo-demo.com', {
      phone_number: '+16175550133',
    })
    const { page, requested, errors } = await signIn(browser, server)
    const titles: string[] = []
    page.on('load', async () => titles.push(await page.title()))
    await openMenu(page)
    await page.getByRole('link', { name: 'People' }).click()
    await page.fill('#q', email.toUpperCase())
    await page.getByRole('button', { name: 'Search' }).click()
    await page.getByRole('button', { name: 'Ann Lee' }).click()
    await expect.poll(() => text(page)).toContain(email)
    await expect.poll(() => text(page)).toContain('person-1')
    await page.getByRole('link', { name: 'person-1' }).first().click()
    await page.getByRole('button', { name: 'Ann Lee' }).click()
    const id = await page.locator('.breaks').innerText()
    await page.fill('#typed', 'something else')
    await page.getByRole('button', { name: 'Erase for good' }).click()
    await page.getByText('This is not the id').waitFor()
    await page.fill('#typed', id)
    await page.getByRole('button', { name: 'Erase for good' }).click()
    await page.getByText('The person is erased').waitFor()
    expect((await server.ask('GET', `/v1/customers/${id}`)).status).toBe(404)

    await page.fill('#q', '+1 (617) 555-0133')
    await page.getByRole('button', { name: 'Search' }).click()
    await page.getByRole('button', { name: 'eve@' }).click()
    await page.getByRole('heading', { name: 'eve@klaviyo-demo.com' }).waitFor()
    expect([...requested, ...titles].filter((one) => /@|%40/.test(one))).toEqual([])
    // The browser reports the page that refused the wrong id.
    expect(errors).toEqual([expect.stringContaining('422')])
    await page.context().close()
  })

  test('a key is shown once, and revoking the own one ends the session', async () => {
    const { page } = await signIn(browser, server)
    await openMenu(page)
    await page.getByRole('link', { name: 'Keys' }).click()
    await page.fill('#name', 'Anna')
    await page.getByRole('radio', { name: 'admin' }).check()
    await page.getByRole('button', { name: 'Make the key' }).click()
    const key = await page.locator('code.key').innerText()
    expect(key).toMatch(/^sf_/)
    expect(page.url()).not.toContain(key)
    await page.goto(`${server.url}/console/keys`)
    expect(await page.content()).not.toContain(key)
    await page.context().close()

    const own = await signIn(browser, { url: server.url, key })
    await own.page.goto(`${server.url}/console/keys`)
    await own.page.getByRole('link', { name: 'Revoke… Anna' }).click()
    await own.page.getByText('you will be signed out').waitFor()
    await own.page.fill('#typed', 'Bertha')
    await own.page.getByRole('button', { name: 'Revoke' }).click()
    await own.page.getByText('This is not its name').waitFor()
    await own.page.fill('#typed', 'Anna')
    await own.page.getByRole('button', { name: 'Revoke' }).click()
    await own.page.waitForURL(/\/console\/sign-in/)
    await own.page.context().close()
  })
})

describe('by form', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer()
    await server.database.db.execute(sql`
      insert into outbox (order_id, metric, unique_id, occurred_at, status, error)
      select 'o' || n, 'placed_order', 'o' || n, now(), 'failed', '400 no' from generate_series(1, 3) n`)
  })
  afterAll(() => server.stop())

  const get = async (path: string, headers: Record<string, string> = {}) =>
    fetch(`${server.url}${path}`, {
      redirect: 'manual',
      headers: { Cookie: await sessionOf(server), ...headers },
    })

  test('a part that htmx asks for after the session ended leads to the sign-in and back', async () => {
    const response = await get('/console/deliveries?status=failed', {
      Cookie: '',
      'HX-Request': 'true',
      'HX-Target': 'list',
      'HX-Current-URL': `${server.url}/console/deliveries?status=failed`,
    })
    expect(response.headers.get('HX-Redirect')).toBe(
      `/console/sign-in?next=${encodeURIComponent('/console/deliveries?status=failed')}`,
    )
    expect(await response.text()).toBe('')
  })

  test('a page that was open for long stops asking', async () => {
    expect(await (await get('/console/deliveries?refresh=3')).text()).toContain('every 10s')
    expect(await (await get('/console/deliveries?refresh=180')).text()).not.toContain('every 10s')
  })

  test('days are those of UTC, the last one included', async () => {
    const today = new Date().toISOString().slice(0, 10)
    const shown = await (await get(`/console/deliveries?from=${today}&to=${today}`)).text()
    expect(shown).toContain('3 messages')
    expect(await (await get('/console/deliveries?to=2020-01-01')).text()).toContain(
      'No messages match',
    )
    expect((await get('/console/deliveries?from=yesterday')).status).toBe(422)
  })

  test('who may only read sees no way to change, and gets none', async () => {
    const { body } = await server.ask('POST', '/v1/keys', { name: 'reader', scopes: ['read'] })
    const { key } = body as { key: string }
    const cookie = await sessionOf({ url: server.url, key })
    const list = await (await get('/console/deliveries?status=failed', { Cookie: cookie })).text()
    expect(list).not.toContain('Retry…')
    const post = await postForm(
      server.url,
      '/console/deliveries/discard',
      { status: 'failed', expected: '3' },
      { Cookie: cookie },
    )
    expect(post.status).toBe(403)
    expect((await get('/console/keys', { Cookie: cookie })).status).toBe(403)
  })
})
