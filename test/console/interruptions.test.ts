/** What fails while somebody edits: a killed server, a database away, a revoked key. Nothing that was typed is lost. */
import { randomUUID } from 'node:crypto'
import type { Browser, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKey, ensureKey, revokeKey } from '../../src/auth/api-keys.ts'
import { type Running, start } from '../cli/command-line.ts'
import { hasBrowser, launch } from '../support/browser.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { asker, type TestServer } from '../support/server.ts'
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { signIn } from './console.ts'

describe.skipIf(!hasBrowser)('in a browser', () => {
  const key = `admin-${randomUUID()}`
  let database: TestDatabase
  let proxy: TcpProxy
  let server: Running
  let url: string
  let ask: TestServer['ask']
  let browser: Browser

  async function serve(port: string): Promise<void> {
    server = start(['serve'], { DATABASE_URL: proxy.url, PORT: port })
    const [, printed = ''] = await server.printed(/"url":"([^"]+)"/)
    url = printed
    ask = asker(url, key)
  }
  async function killAndRestart(whileAway: () => Promise<void>): Promise<void> {
    await server.end('SIGKILL')
    await whileAway()
    await serve(new URL(url).port)
  }

  async function withoutDatabase(work: () => Promise<void>): Promise<void> {
    await proxy.disconnect()
    try {
      await work()
    } finally {
      await proxy.restore()
    }
  }
  const isReady = () => expect.poll(async () => (await ask('GET', '/readyz')).status).toBe(200)

  beforeAll(async () => {
    database = await createTestDatabase()
    await ensureKey(database.db, key, { name: 'tests', scopes: ['admin'] })
    proxy = await openTcpProxy(new URL(database.directUrl))
    await serve('0')
    browser = await launch()
  })
  afterAll(async () => {
    await browser.close()
    await server.end()
    await proxy.disconnect()
    await database.close()
  })

  async function openGrid(id: string, as = key): Promise<Page> {
    await ask('PUT', `/v1/products/${id}`, { title: `Pan ${id}`, price: 10 })
    const { page } = await signIn(browser, { url, key: as })
    await page.goto(`${url}/console/products?q=${id}`)
    return page
  }
  async function openForm(id: string): Promise<Page> {
    const page = await openGrid(id)
    await page.goto(`${url}/console/products/${id}`)
    return page
  }
  const price = (page: Page): Locator => page.locator('.grid [data-field=price]')
  const stateIs = (page: Page, state: string) =>
    page.locator(`.grid td[data-state=${state}] > [data-field=price]`).waitFor()
  async function type(page: Page, text: string): Promise<void> {
    await price(page).fill(text)
    await price(page).press('Enter')
  }
  const save = (page: Page) => page.getByRole('button', { name: 'Save', exact: true }).click()
  async function priceOf(id: string): Promise<unknown> {
    return Object((await ask('GET', `/v1/products/${id}`)).body).price
  }

  test('a cell typed while the server is killed is saved by the next one', async () => {
    const page = await openGrid('killed')
    await killAndRestart(async () => {
      await type(page, '30')
      await stateIs(page, 'failed')
    })
    await stateIs(page, 'saved')
    expect(await priceOf('killed')).toBe(30)
    await page.context().close()
  })

  test('a cell typed while the database is away is saved when it is back', async () => {
    const page = await openGrid('away')
    await withoutDatabase(async () => {
      await type(page, '31')
      await stateIs(page, 'failed')
      expect(await price(page).inputValue()).toBe('31')
    })
    await stateIs(page, 'saved')
    expect(await priceOf('away')).toBe(31)
    await page.context().close()
  })

  test('a cell typed after the key was revoked is saved once one signs in again', async () => {
    const { key: own, record } = await createKey(database.db, { name: 'own', scopes: ['write'] })
    const page = await openGrid('revoked', own)
    await revokeKey(database.db, record.id)
    await type(page, '32')
    await stateIs(page, 'failed')
    expect(await price(page).locator('..').innerText()).toContain('sign in in another tab')
    expect(await priceOf('revoked')).toBe(10)
    const tab = await page.context().newPage()
    await tab.goto(`${url}/console/sign-in`)
    await tab.fill('#key', key)
    await tab.getByRole('button', { name: 'Sign in' }).click()
    await stateIs(page, 'saved')
    expect(await priceOf('revoked')).toBe(32)
    await page.context().close()
  })

  test('a form sent while the server is killed keeps what was typed, and is saved by the next one', async () => {
    const page = await openForm('form-killed')
    await page.fill('#f-price', '40')
    await killAndRestart(async () => {
      await save(page)
      expect(await page.locator('.unsaved').innerText()).toContain('the server does not answer')
    })
    expect(await page.inputValue('#f-price')).toBe('40')
    await save(page)
    await page.locator('.toast').waitFor()
    expect(await priceOf('form-killed')).toBe(40)
    await page.context().close()
  })

  test('a form sent while the database is away keeps what was typed', async () => {
    const page = await openForm('form-away')
    await page.fill('#f-price', '41')
    await withoutDatabase(async () => {
      await save(page)
      expect(await page.locator('.unsaved').innerText()).toContain('cannot save it now')
    })
    await isReady()
    await save(page)
    await page.locator('.toast').waitFor()
    expect(await priceOf('form-away')).toBe(41)
    await page.context().close()
  })

  test('what a page loads by itself while the database is away leaves the page as it is', async () => {
    const page = await openGrid('numbers')
    await page.waitForLoadState('networkidle')
    await withoutDatabase(async () => {
      const [answer] = await Promise.all([
        page.waitForResponse(/deliveries\/failed/),
        page.evaluate(
          `htmx.ajax('GET', '/console/deliveries/failed', document.querySelector('.top [hx-get$=failed]'))`,
        ),
      ])
      expect([answer.status(), await answer.headerValue('HX-Reswap')]).toEqual([503, 'none'])
      expect(await page.locator('.top').innerText()).not.toContain('Try again')
      expect(await page.locator('.top .error').count()).toBe(0)
    })
    await isReady()
    await page.context().close()
  })

  test('a form sent after the session ended keeps what was typed', async () => {
    const page = await openForm('form-ended')
    await page.fill('#f-title', 'Typed for an hour')
    await page.context().clearCookies()
    await save(page)
    expect(await page.locator('.unsaved').innerText()).toContain('your session has ended')
    expect(await page.inputValue('#f-title')).toBe('Typed for an hour')
    await page.context().close()
  })

  test('without script too, a form sent after the session ended is kept', async () => {
    await ask('PUT', '/v1/products/no-script', { title: 'Pan', price: 10 })
    const { page } = await signIn(browser, { url, key }, { javaScriptEnabled: false })
    await page.goto(`${url}/console/products/no-script`)
    await page.fill('#f-title', 'Typed "for" an hour')
    await page.context().clearCookies()
    await save(page)
    await page.getByText('What you typed is kept').waitFor()
    await page.fill('#key', key)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('button', { name: 'Send it now' }).click()
    await page.waitForURL(/saved=/)
    expect(await page.inputValue('#f-title')).toBe('Typed "for" an hour')
    const { body } = await ask('GET', '/v1/products/no-script')
    expect(body).toMatchObject({ title: 'Typed "for" an hour', price: 10 })
    await page.context().close()
  })
})
