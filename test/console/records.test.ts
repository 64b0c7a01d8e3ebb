/** The form of a product or a store, which works without script, and the matrix of availability. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasBrowser, launch } from '../support/browser.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { signIn } from './console.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
  for (const [id, region] of [
    ['s1', 'MA'],
    ['s2', 'MA'],
    ['s3', 'ME'],
  ])
    await server.ask('PUT', `/v1/stores/${id}`, { title: `Store ${id}`, region })
})
afterAll(() => server.stop())

async function storesOf(id: string): Promise<unknown> {
  return Object((await server.ask('GET', `/v1/products/${id}`)).body).store_ids
}

describe.skipIf(!hasBrowser)('in a browser', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launch()
  })
  afterAll(() => browser.close())

  async function open(path: string, javaScriptEnabled = true): Promise<Page> {
    const { page } = await signIn(browser, server, { javaScriptEnabled })
    await page.goto(`${server.url}${path}`)
    return page
  }
  const save = (page: Page) => page.getByRole('button', { name: 'Save', exact: true }).click()

  test('a product is created, changed and removed without script', async () => {
    const page = await open('/console/new/products', false)
    await page.fill('#f-id', 'made')
    await page.fill('#f-title', 'Made here')
    await page.fill('#f-categories', 'Pans\nPots, with lids')
    await page.fill('#f-metadata', 'color = red\nweight = 3\nsize = "12"')
    await page.getByRole('button', { name: 'Create product' }).click()
    await expect.poll(() => page.locator('h1').innerText()).toBe('Made here')
    expect((await server.ask('GET', '/v1/products/made')).body).toMatchObject({
      categories: ['Pans', 'Pots, with lids'],
      metadata: { color: 'red', weight: 3, size: '12' },
      published: true,
    })
    await page.fill('#f-metadata', 'color = blue\nsize = "12"')
    await page.fill('#f-price', '9.5')
    await save(page)
    expect((await server.ask('GET', '/v1/products/made')).body).toMatchObject({
      price: 9.5,
      metadata: { color: 'blue', size: '12' },
    })
    await page.getByRole('button', { name: 'Remove' }).click()
    const status = async () => (await server.ask('GET', '/v1/products/made')).status
    await expect.poll(status).toBe(404)
    await page.context().close()
  })

  test('faults stand beside their fields, the first has the focus, and nothing typed is lost', async () => {
    await server.ask('PUT', '/v1/products/faulty', { title: 'Faulty' })
    const page = await open('/console/products/faulty')
    await page.fill('#f-price', '19,90')
    await page.fill('#f-gtin', '123')
    await page.fill('#f-brand', 'Typed')
    await save(page)
    await page.locator('#h-price.error').waitFor()
    expect(await page.locator('#h-price').innerText()).toContain('must be a number')
    expect(await page.locator('#h-gtin').innerText()).toContain('must have 8, 12, 13 or 14 digits')
    expect(await page.inputValue('#f-brand')).toBe('Typed')
    expect(await page.evaluate('document.activeElement.id')).toBe('f-price')
    await page.context().close()
  })

  test('of two people who save, the second sees both values of what both changed, and keeps the rest', async () => {
    await server.ask('PUT', '/v1/products/both', { title: 'Both', price: 1 })
    const page = await open('/console/products/both')
    await server.ask('PATCH', '/v1/products/both', { price: 2, brand: 'Theirs' })
    await page.fill('#f-price', '3')
    await page.fill('#f-sku', 'MINE')
    await save(page)
    const conflict = page.locator('.conflict')
    expect(await conflict.innerText()).toMatch(/Price\s+2\.00[\s\S]*3/)
    expect(await page.inputValue('#f-brand')).toBe('Theirs')
    expect((await server.ask('GET', '/v1/products/both')).body).toMatchObject({ price: 2 })
    await save(page)
    await page.locator('.toast').waitFor()
    expect((await server.ask('GET', '/v1/products/both')).body).toMatchObject({
      price: 3,
      brand: 'Theirs',
      sku: 'MINE',
    })
    await page.context().close()
  })

  test('two browsers tick different stores of one product and lose nothing', async () => {
    await server.ask('PUT', '/v1/products/ticked', { title: 'Ticked', store_ids: ['s1'] })
    const [one, other] = [
      await open('/console/products/ticked'),
      await open('/console/products/ticked'),
    ]
    await one.getByLabel('Store s2').check()
    await other.getByLabel('Store s3').check()
    await other.getByLabel('Store s1').uncheck()
    await save(one)
    await one.locator('.toast').waitFor()
    await save(other)
    await other.locator('.toast').waitFor()
    expect(await storesOf('ticked')).toEqual(['s2', 's3'])
    await Promise.all([one.context().close(), other.context().close()])
  })

  test('the matrix sends exactly the differences, keeps what others ticked, and undoes', async () => {
    await server.ask('PUT', '/v1/products/m1', { title: 'Matrix 1', store_ids: ['s1'] })
    await server.ask('PUT', '/v1/products/m2', { title: 'Matrix 2', store_ids: [] })
    const page = await open('/console/availability?q=Matrix')
    await page.getByLabel('Matrix 1 in Store s1').uncheck()
    await page.getByLabel('Matrix 2 in Store s2').check()
    await page.getByLabel('Matrix 2 in Store s3').check()
    await page.getByLabel('Matrix 2 in Store s3').uncheck()
    expect(await page.locator('[data-summary]').innerText()).toBe('1 to sell, 1 to stop')
    await server.ask('PUT', '/v1/products/m1/stores/s3')
    const sent = page.waitForRequest('**/console/v1/availability/batch')
    await save(page)
    expect((await sent).postDataJSON()).toEqual({
      add: [{ product_id: 'm2', store_id: 's2' }],
      remove: [{ product_id: 'm1', store_id: 's1' }],
    })
    await page.locator('.toast').waitFor()
    expect([await storesOf('m1'), await storesOf('m2')]).toEqual([['s3'], ['s2']])
    await page.getByRole('button', { name: 'Undo' }).click()
    await expect.poll(() => storesOf('m1')).toEqual(['s1', 's3'])
    expect(await storesOf('m2')).toEqual([])
    await expect.poll(() => page.getByLabel('Matrix 1 in Store s1').isChecked()).toBe(true)
    await page.context().close()
  })

  test('in the matrix names tick rows, columns and regions, Shift-click a rectangle, arrows move', async () => {
    await server.ask('PUT', '/v1/products/k1', { title: 'Keys 1', store_ids: [] })
    await server.ask('PUT', '/v1/products/k2', { title: 'Keys 2', store_ids: [] })
    const page = await open('/console/availability?q=Keys')
    const ticked = () => page.locator('[data-store]:checked').count()
    await page.getByRole('button', { name: 'Keys 1' }).click()
    expect(await ticked()).toBe(3)
    await page.getByRole('button', { name: 'MA', exact: true }).click()
    expect(await ticked()).toBe(5)
    await page.getByRole('button', { name: 'Discard' }).click()
    expect(await ticked()).toBe(0)
    await page.getByLabel('Keys 1 in Store s1').click()
    await page.getByLabel('Keys 2 in Store s2').click({ modifiers: ['Shift'] })
    expect(await ticked()).toBe(4)
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('Space')
    expect(await page.getByLabel('Keys 2 in Store s3').isChecked()).toBe(true)
    expect(await page.locator('[data-matrix] [tabindex="0"]').count()).toBe(1)
    await page.getByRole('button', { name: 'Discard' }).click()
    await page.context().close()
  })
})
