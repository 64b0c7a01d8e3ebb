/** Every page of the console, with data and without: readable by everybody, and nothing asked elsewhere. */
import { gzipSync } from 'node:zlib'
import { sql } from 'drizzle-orm'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasBrowser, launch } from '../support/browser.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { faultsOf, isTooWide, openPage, signIn } from './console.ts'

const paths = [
  '/console',
  '/console/feeds',
  '/console/feeds/products/held',
  '/console/attention',
  '/console/attention/products/no_image',
  '/console/attention/products/title_used_twice',
  '/console/attention/stores/no_coordinates',
  '/console/products/p-1/preview',
  '/console/products',
  '/console/products?q=nothing-matches',
  '/console/products?columns=sku,gtin,link,image_link,brand,price,categories,in_store_only,inventory_quantity',
  '/console/products?columns=title',
  '/console/products/p-1',
  '/console/new/products',
  '/console/stores',
  '/console/stores/s-1',
  '/console/new/stores',
  '/console/availability',
  '/console/deliveries',
  '/console/deliveries?status=failed&metric=placed_order',
  '/console/deliveries/1',
  '/console/deliveries/retry?status=pending',
  '/console/orders',
  '/console/orders?store_id=none',
  '/console/orders/o-1',
  '/console/people',
  '/console/keys',
  '/console/keys/1/revoke',
  '/console/changes',
  '/console/changes?via=import',
  '/console/changes/LATEST',
  '/console/changes/LATEST/undo',
  '/console/import',
  '/console/import/i-1',
  '/console/no-such-page',
]

/** With the id of the latest change; a server without any has no such page. */
async function addressOf({ url, ask }: TestServer, path: string): Promise<string> {
  const { changes } = Object((await ask('GET', '/v1/changes?limit=1')).body)
  return url + path.replace('LATEST', changes[0]?.id ?? '00000000-0000-4000-8000-000000000000')
}

/** Long, foreign and many values among plain ones. */
async function fill(server: TestServer): Promise<void> {
  for (const [id, region] of Object.entries({ 's-1': 'MA', 's-2': 'MA', 's-3': 'ME' }))
    await server.ask('PUT', `/v1/stores/${id}`, { title: `Store ${id}`, region })
  const odd: Record<number, object> = {
    2: { title: 'T'.repeat(1000) },
    3: { title: 'مطبخ', brand: 'مطبخ' },
    4: { categories: Array.from({ length: 400 }, (_, n) => `Category ${n}`) },
  }
  const csv = `id,title,price,Colour,${'Long'.repeat(50)}\np-1,${'T'.repeat(900)},1,red,\nnew,New,x,,\n`
  await server.ask('POST', '/v1/imports?kind=products&skip_unknown=true', csv, {
    'Content-Type': 'text/csv',
  })
  await server.database.db.execute(sql`update imports set id = 'i-1'`)
  for (let n = 1; n <= 60; n++) {
    const plain = { title: `Product ${n}`, price: n, categories: ['Pans'], store_ids: ['s-1'] }
    await server.ask('PUT', `/v1/products/p-${n}`, { ...plain, ...odd[n] })
  }
  await server.ask('PUT', '/v1/orders/o-1', {
    store_id: 's-1',
    total: 3,
    customer: { email: 'ann.lee@klaviyo-demo.com', first_name: 'Ann' },
    items: [{ product_id: 'p-1' }, { product_id: 'p-2' }],
  })
  await server.ask('POST', '/v1/orders/o-1/refunds', { id: 'r', reason: 'R'.repeat(1000) })
  await server.database.db.execute(sql`
    update outbox set status = 'failed', error = '400 ' || repeat('x', 500), settled_at = now() where id = 1`)
  await server.database.db.execute(
    sql`update outbox_queues set alarm = '401 ' || repeat('Wrong key. ', 20) where queue = 'events'`,
  )
}

describe.skipIf(!hasBrowser)('in a browser', () => {
  let full: TestServer
  let empty: TestServer
  let browser: Browser

  beforeAll(async () => {
    full = await startTestServer()
    empty = await startTestServer()
    browser = await launch()
    await fill(full)
  })
  afterAll(async () => {
    await browser.close()
    await Promise.all([full.stop(), empty.stop()])
  })

  test.each([
    ['light', 1280],
    ['dark', 1280],
    ['light', 390],
    ['dark', 390],
  ] as const)(
    'axe finds nothing, nothing is asked elsewhere, no error is reported: %s, %i px',
    async (colorScheme, width) => {
      for (const server of [full, empty]) {
        const { page, requested, errors } = await signIn(browser, server, {
          colorScheme,
          viewport: { width, height: 900 },
          bypassCSP: false,
        })
        for (const path of paths) {
          const response = await page.goto(await addressOf(server, path))
          if (response?.status() === 404) errors.length = 0
          expect([path, await faultsOf(page)]).toEqual([path, []])
          expect([path, await isTooWide(page)]).toEqual([path, false])
        }
        expect(requested.filter((url) => !url.startsWith(server.url))).toEqual([])
        expect(errors).toEqual([])
        await page.context().close()
      }
    },
    480_000,
  )

  test('the sign-in is readable by everybody', async () => {
    const { page, errors } = await openPage(browser)
    await page.goto(`${full.url}/console/sign-in`)
    expect(await faultsOf(page)).toEqual([])
    expect(errors).toEqual([])
    await page.context().close()
  })

  test('at 200 % every page still fits its width', async () => {
    const { page } = await signIn(browser, full, { viewport: { width: 640, height: 450 } })
    for (const path of paths) {
      await page.goto(await addressOf(full, path))
      expect([path, await isTooWide(page)]).toEqual([path, false])
    }
    await page.context().close()
  })

  test.each([1280, 390])('nothing moves after the first paint: %i px', async (width) => {
    const { page } = await signIn(browser, full, { viewport: { width, height: 900 } })
    await page.locator('.banner').waitFor()
    await page.addInitScript(`
      window.shifted = []
      new PerformanceObserver((list) => {
        for (const { sources, value } of list.getEntries())
          window.shifted.push([value, ...sources.map(({ node }) => node?.outerHTML ?? node?.textContent)])
      }).observe({ type: 'layout-shift', buffered: true })`)
    for (const path of paths) {
      await page.goto(await addressOf(full, path), { waitUntil: 'networkidle' })
      expect([path, await page.evaluate('window.shifted')]).toEqual([path, []])
    }
    await page.context().close()
  })

  test('no page has more than 30 kB of script', async () => {
    const { page, requested } = await signIn(browser, full)
    for (const path of paths) {
      requested.length = 0
      await page.goto(await addressOf(full, path), { waitUntil: 'networkidle' })
      const scripts = [...new Set(requested)].filter((url) => url.endsWith('.js'))
      const sources = await Promise.all(scripts.map(async (url) => (await fetch(url)).text()))
      const bytes = sources.reduce((sum, source) => sum + gzipSync(source).length, 0)
      expect(bytes).toBeLessThan(30_000)
    }
    await page.context().close()
  })

  test('Tab goes through the sections, then the page, in the order in which they are read', async () => {
    const { page } = await signIn(browser, full)
    await page.goto(`${full.url}/console/products`)
    const seen: unknown[] = []
    for (let n = 0; n < 13; n++) {
      await page.keyboard.press('Tab')
      seen.push(
        await page.evaluate(
          // Of a section its name, without the number beside it.
          'document.activeElement.firstChild?.textContent.trim() || document.activeElement.name',
        ),
      )
    }
    expect(seen).toEqual([
      'Skip to the content',
      'storefeed',
      'Products',
      'Stores',
      'Availability',
      'Feeds',
      'Attention',
      'Import',
      'Deliveries',
      'Changes',
      'tests',
      'Open Deliveries',
      'New product',
    ])
    await page.context().close()
  })
})
