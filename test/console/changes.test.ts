/** Changes: what was done by whom, and taking it back, as a merchandiser would. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasBrowser, launch } from '../support/browser.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { signIn } from './console.ts'

describe.skipIf(!hasBrowser)('in a browser', () => {
  let server: TestServer
  let browser: Browser
  beforeAll(async () => {
    server = await startTestServer()
    browser = await launch()
    for (const id of ['s1', 's2'])
      await server.ask('PUT', `/v1/stores/${id}`, { title: `Store ${id}` })
  })
  afterAll(async () => {
    await browser.close()
    await server.stop()
  })

  async function open(path: string, javaScriptEnabled = true): Promise<Page> {
    const { page } = await signIn(browser, server, { javaScriptEnabled })
    await page.goto(`${server.url}${path}`)
    return page
  }
  const product = async (id: string) => Object((await server.ask('GET', `/v1/products/${id}`)).body)
  const firstRow = (page: Page) =>
    page.getByRole('table', { name: 'Changes' }).getByRole('row').nth(1)

  test('a wrong price is found under Changes and put back, without script', async () => {
    await server.ask('PUT', '/v1/products/wrong', { title: 'Dutch Oven', price: 330 })
    const page = await open('/console/products/wrong', false)
    await page.fill('#f-price', '33')
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByRole('link', { name: 'Changes', exact: true }).click()
    const row = firstRow(page)
    expect(await row.innerText()).toMatch(/tests[\s\S]*in the console[\s\S]*1 product changed/)
    expect(await row.innerText()).toMatch(/Dutch Oven[\s\S]*Price 330\.00/)
    await row.getByRole('link', { name: 'Undo: 1 product changed' }).click()
    await expect
      .poll(() => page.locator('main').innerText())
      .toContain('1 record will be as before the change.')
    expect(await product('wrong')).toMatchObject({ price: 33 })
    await page.getByRole('button', { name: 'Put back 1 record' }).click()
    await expect.poll(() => product('wrong')).toMatchObject({ price: 330 })
    await expect.poll(() => page.locator('main').innerText()).toContain('Undid')
    await page.goto(`${server.url}/console/products/wrong`)
    const history = page.getByRole('region', { name: 'History' })
    expect(await history.innerText()).toMatch(/Undone[\s\S]*1 product created/)
    await page.context().close()
  })

  test('a batch is undone but for what changed since, which the preview names', async () => {
    const products = Array.from({ length: 3 }, (_, n) => ({
      id: `b${n}`,
      title: `Bowl ${n}`,
      price: 5,
    }))
    await server.ask('POST', '/v1/products/batch', { products })
    const raised = products.map((one) => ({ ...one, price: 50, brand: 'Other' }))
    await server.ask('POST', '/v1/products/batch', { products: raised })
    await server.ask('PATCH', '/v1/products/b1', { price: 6 })
    const page = await open('/console/changes')
    await page.getByRole('link', { name: 'Undo: 3 products changed' }).first().click()
    const conflicts = page.getByRole('table', { name: 'Stays as it is' })
    expect(await conflicts.innerText()).toMatch(
      /Bowl 1[\s\S]*Price[\s\S]*is 6 now, the change left 50/,
    )
    expect(await page.locator('main').innerText()).toContain(
      '3 records will be as before the change. 1 thing was changed since, and stays as now.',
    )
    await page.getByRole('button', { name: 'Put back 3 records' }).click()
    await page.locator('.toast').waitFor()
    expect(await Promise.all(['b0', 'b1', 'b2'].map(product))).toMatchObject([
      { price: 5, brand: null },
      { price: 6, brand: null },
      { price: 5, brand: null },
    ])
    await page.context().close()
  })

  test('Undo after saving takes back fields and stores, after removing the product', async () => {
    await server.ask('PUT', '/v1/products/saved', { title: 'Saved', store_ids: ['s1'] })
    const page = await open('/console/products/saved')
    await page.fill('#f-brand', 'Typed')
    await page.getByLabel('Store s2').check()
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByRole('button', { name: 'Undo', exact: true }).click()
    await expect.poll(() => product('saved')).toMatchObject({ brand: null, store_ids: ['s1'] })
    await expect.poll(() => page.inputValue('#f-brand')).toBe('')
    await page.getByRole('button', { name: 'Remove' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
    await page.locator('.toast').getByRole('button', { name: 'Undo' }).click()
    await expect.poll(() => product('saved')).toMatchObject({ title: 'Saved', store_ids: ['s1'] })
    await page.getByRole('link', { name: 'Open Saved' }).waitFor()
    await page.context().close()
  })

  test('filters are in the address, and nothing that matches is said', async () => {
    const page = await open('/console/changes')
    await page.getByLabel('Who').fill('Nobody')
    await page.getByRole('button', { name: 'Show' }).click()
    await expect.poll(() => page.url()).toContain('actor=Nobody')
    await expect.poll(() => page.locator('.empty h2').innerText()).toBe('No changes match')
    await page.goto(
      `${server.url}/console/changes?day=${new Date().toISOString().slice(0, 10)}&kind=store`,
    )
    expect(await firstRow(page).innerText()).toContain('Store s2')
    await page.context().close()
  })
})
