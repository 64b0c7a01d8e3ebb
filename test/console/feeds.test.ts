/** What the pages of feeds are for: seeing what Klaviyo sees, fixing it, and letting a held feed go. */
import { randomUUID } from 'node:crypto'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { ensureKey } from '../../src/auth/api-keys.ts'
import { poll, pollItems } from '../feeds/polls.ts'
import { hasBrowser, launch } from '../support/browser.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { signIn } from './console.ts'

describe.skipIf(!hasBrowser)('in a browser', () => {
  let server: TestServer
  let browser: Browser
  const open: Page[] = []

  beforeAll(async () => {
    server = await startTestServer({ feedMaxDrop: 0.5, feedWaitMs: 15_000 })
    browser = await launch()
    await server.ask('PUT', '/v1/stores/s1', { title: 'Boston', location: 'Boston' })
  })
  afterEach(async () => {
    for (const page of open.splice(0)) await page.context().close()
  })
  afterAll(async () => {
    await browser.close()
    await server.stop()
  })

  async function visit(path: string, on = server): Promise<Page> {
    const { page } = await signIn(browser, on)
    open.push(page)
    await page.goto(`${on.url}${path}`)
    return page
  }

  const items = (on = server) => pollItems(`${on.url}/feeds/products.json?key=${on.key}`)

  test('a product is shown as it stands in the feed that is read after', async () => {
    await server.ask('PUT', '/v1/products/shown', { title: 'First', store_ids: ['s1'] })
    const page = await visit('/console/products/shown')
    await page.fill('#f-title', 'Second <b>"title"</b> & more')
    await page.fill('#f-price', '12.5')
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.locator('.toast').waitFor()
    const shown = page.getByRole('region', { name: 'The item as JSON' })
    const json = JSON.parse(await shown.innerText())
    expect(json).toEqual((await items()).find(({ $id }) => $id === 'shown'))
    expect(json).toMatchObject({ $title: 'Second <b>"title"</b> & more', price: 12.5 })
    await page.getByText('XML', { exact: true }).click()
    const xml = await page.getByRole('region', { name: 'The item as XML' }).innerText()
    const { text } = await poll(`${server.url}/feeds/products.xml?key=${server.key}`)
    expect(text).toContain(xml.replaceAll('>\n<', '><'))
  })

  test('what is found in a product leads to its field', async () => {
    await server.ask('PUT', '/v1/products/found', { title: 'Found' })
    const page = await visit('/console/products/found')
    await page.locator('.preview').getByRole('link', { name: 'Image address' }).click()
    await expect.poll(() => page.url()).toContain('#f-image_link')
  })

  test('a hidden product says why it is not in the feed, and the preview works without script', async () => {
    await server.ask('PUT', '/v1/products/hidden', { title: 'Hidden', published: false })
    const { page } = await signIn(browser, server, { javaScriptEnabled: false })
    open.push(page)
    await page.goto(`${server.url}/console/products/hidden`)
    await page.getByRole('link', { name: 'Its item of the feed' }).click()
    await expect
      .poll(() => page.locator('.preview').innerText())
      .toContain('The product is not published, so the feed leaves it out.')
  })

  test('fixing a product in its list lowers the count, until all is well', async () => {
    const own = await startTestServer()
    try {
      const whole = { price: 1, link: 'https://x.example', image_link: 'https://x.example/1.jpg' }
      const store = { ...whole, address1: '1 Main St', city: 'Boston', latitude: 1, longitude: 1 }
      const { price: _, ...place } = store
      await own.ask('PUT', '/v1/stores/s', { title: 'Store', ...place })
      for (const id of ['one', 'two']) {
        const product = { title: id, ...whole, image_link: null, store_ids: ['s'] }
        await own.ask('PUT', `/v1/products/${id}`, product)
      }
      const page = await visit('/console', own)
      await page.getByRole('link', { name: /^2 products have no image/ }).click()
      await page.waitForLoadState()
      for (const left of [1, 0]) {
        const [row, field] = [page.locator('.grid tbody tr').first(), '[data-field=image_link]']
        await row.locator(field).fill('https://x.example/2.jpg')
        await row.locator(field).press('Enter')
        await page.locator(`.grid td[data-state=saved] > ${field}`).waitFor()
        await page.getByRole('link', { name: '← Needs attention' }).click()
        if (left === 0) break
        await page.getByRole('link', { name: /^1 product has no image/ }).click()
        await page.waitForLoadState()
      }
      await page.getByRole('heading', { name: 'All is well' }).waitFor()
      await page.goto(`${own.url}/console/attention/products/no_image`)
      await page.getByRole('heading', { name: 'All fixed' }).waitFor()
    } finally {
      await own.stop()
    }
  })

  test('all in which one kind is found are changed at once', async () => {
    const own = await startTestServer()
    try {
      const products = Array.from({ length: 60 }, (_, n) => ({ id: `p${n}`, title: `Pan ${n}` }))
      const priced = { id: 'priced', title: 'Priced', price: 1 }
      await own.ask('POST', '/v1/products/batch', { products: [...products, priced] })
      const page = await visit('/console/attention/products/no_price', own)
      await page.getByRole('heading', { name: '60 products have no price' }).waitFor()
      await page.locator('[data-select-page]').check()
      await page.getByRole('button', { name: 'Select all 60 that match' }).click()
      await page.locator('#selection').getByRole('button', { name: 'Hide' }).click()
      await page.getByRole('button', { name: 'Hide 60 products' }).click()
      await page.getByRole('heading', { name: 'All fixed' }).waitFor()
      const { body } = await own.ask('GET', '/v1/products?published=true')
      expect(body).toMatchObject({ products: [{ id: 'priced' }] })
    } finally {
      await own.stop()
    }
  })

  test('a held feed names what would go, and is released by typing how many are left', async () => {
    const own = await startTestServer({ feedMaxDrop: 0.5, feedWaitMs: 15_000 })
    try {
      const products = Array.from({ length: 30 }, (_, n) => ({ id: `p${n}`, title: `Pan ${n}` }))
      await own.ask('POST', '/v1/products/batch', { products })
      expect(await items(own)).toHaveLength(30)
      for (const { id } of products.slice(2)) await own.ask('DELETE', `/v1/products/${id}`)
      expect(await items(own)).toHaveLength(30)

      const page = await visit('/console/products', own)
      await page.getByText('It would fall from 30 items to 2.').waitFor()
      await page.getByRole('link', { name: 'See what it would lose' }).click()
      const held = page.locator('.held')
      expect(await held.innerText()).toContain('It would fall from 30 items to 2.')
      await page.getByRole('link', { name: 'See all that would go' }).click()
      await expect.poll(() => page.locator('.table tbody tr').count()).toBe(28)
      await page.getByRole('link', { name: '← Feeds' }).click()

      await held.getByLabel(/^Is it right/).fill('30')
      await held.getByRole('button', { name: 'Release' }).click()
      await held.getByText('Type 2 to release the feed.').waitFor()
      expect(await items(own)).toHaveLength(30)
      await held.getByLabel(/^Is it right/).fill('2')
      await held.getByRole('button', { name: 'Release' }).click()
      await page.getByText('The products feed is released').waitFor()
      expect(await items(own)).toHaveLength(2)
    } finally {
      await own.stop()
    }
  })

  test('a key for Klaviyo is shown once, opens the feeds only, and stands nowhere else', async () => {
    const page = await visit('/console/feeds')
    await page.getByRole('button', { name: 'Make a key for Klaviyo' }).click()
    const address = await page.getByRole('textbox', { name: 'Products feed' }).inputValue()
    expect((await poll(address)).status).toBe(200)
    const key = new URL(address).searchParams.get('key') ?? ''
    const asKey = { Authorization: `Bearer ${key}` }
    expect((await server.ask('GET', '/v1/products', undefined, asKey)).status).toBe(403)
    expect(`${page.url()} ${await page.title()}`).not.toContain(key)
    await page.reload()
    expect(await page.content()).not.toContain(key)
    expect((await server.ask('GET', '/v1/keys')).text).not.toContain(key)
  })

  test('a key that may not make keys or release feeds is told so', async () => {
    const key = `writer-${randomUUID()}`
    await ensureKey(server.database.db, key, { name: 'writer', scopes: ['write'] })
    const { page } = await signIn(browser, { url: server.url, key })
    open.push(page)
    await page.goto(`${server.url}/console/feeds`)
    expect(await page.locator('#klaviyo-key').innerText()).toContain(
      'Only a key with the scope "admin" can make one.',
    )
    expect(await page.locator('#klaviyo-key button').count()).toBe(0)
  })

  test('on an empty server a checklist says what to do, until Klaviyo has polled', async () => {
    const own = await startTestServer()
    try {
      const page = await visit('/console', own)
      const done = page.locator('.checklist .done')
      expect(await page.locator('#checklist').innerText()).toBe('Get started: 0 of 5 done')
      await own.ask('PUT', '/v1/stores/s', { title: 'Store' })
      await own.ask('PUT', '/v1/products/p', { title: 'Pan', store_ids: ['s'] })
      await own.ask('POST', '/v1/keys', { name: 'Klaviyo', scopes: ['feeds'] })
      await page.reload()
      expect(await done.count()).toBe(4)
      await items(own)
      await expect
        .poll(async () => {
          await page.reload()
          return page.locator('.checklist').count()
        })
        .toBe(0)
    } finally {
      await own.stop()
    }
  })

  test('the number beside Attention counts what is to be done; a chip lists products without a price', async () => {
    await server.ask('PUT', '/v1/products/priceless', { title: 'Priceless' })
    const page = await visit('/console/products')
    await expect
      .poll(() => page.locator('.top a[href="/console/attention"] .count').innerText())
      .toMatch(/^\d+$/)
    await page.getByRole('link', { name: 'No price' }).click()
    await page.locator('.grid tr[data-id=priceless]').waitFor()
    expect(page.url()).toContain('finding=no_price')
  })
})
