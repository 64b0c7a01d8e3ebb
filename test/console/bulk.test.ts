/** Changes of many records by the console, in a real browser. */
import type { Browser, Locator, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { hasBrowser, launch } from '../support/browser.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { faultsOf, isTooWide, signIn, type Watched } from './console.ts'

describe.skipIf(!hasBrowser)('many at once', () => {
  let server: TestServer
  let browser: Browser
  const open: Watched[] = []

  beforeAll(async () => {
    server = await startTestServer()
    browser = await launch()
    await server.ask('POST', '/v1/stores/batch', {
      stores: [
        { id: 's1', title: 'Boston', region: 'MA' },
        { id: 's2', title: 'Salem', region: 'MA' },
        { id: 's3', title: 'Portland', region: 'ME' },
      ],
    })
  })
  beforeEach(async () => {
    await server.ask('POST', '/v1/products/bulk', { where: {}, remove: true })
    await server.ask('POST', '/v1/products/batch', {
      products: Array.from({ length: 60 }, (_, n) => ({
        id: `p${String(n).padStart(2, '0')}`,
        title: `Pan ${n}`,
        price: 10,
        brand: n < 3 ? 'Lodge' : 'Other',
        categories: ['Pans'],
      })),
    })
  })
  afterEach(async () => {
    for (const { page } of open.splice(0)) await page.context().close()
  })
  afterAll(async () => {
    await browser.close()
    await server.stop()
  })

  async function openList(query = '', options = {}): Promise<Page> {
    const watched = await signIn(browser, server, options)
    open.push(watched)
    await watched.page.goto(`${server.url}/console/products${query}`)
    return watched.page
  }

  const dialog = (page: Page): Locator => page.locator('dialog#bulk[open]')
  const button = (inside: Page | Locator, name: string | RegExp): Locator =>
    inside.getByRole('button', { name, exact: typeof name === 'string' })
  const count = async (query: string) =>
    Object((await server.ask('GET', `/v1/products?count=true&limit=1&${query}`)).body).count
  const told = (page: Page, text: string) => page.locator('.toast', { hasText: text }).waitFor()

  test('products are selected by the keyboard and hidden, with a warning', async () => {
    const page = await openList()
    await page.locator('[data-select]').first().focus()
    await page.keyboard.press('Space')
    for (let n = 0; n < 2; n++) await page.locator('[data-select]').nth(n).focus()
    await page.keyboard.press('Space')
    const bar = page.locator('#selection')
    expect(await bar.innerText()).toContain('2 selected')
    await button(bar, 'Hide').focus()
    await page.keyboard.press('Enter')
    await dialog(page).waitFor()
    expect(await dialog(page).innerText()).toMatch(
      /Hide 2 products[\s\S]*Klaviyo skips messages[\s\S]*2 products will change/,
    )
    expect(await count('published=false')).toBe(0)
    await button(dialog(page), 'Hide 2 products').focus()
    await page.keyboard.press('Enter')
    await told(page, '2 products hidden')
    expect(await count('published=false')).toBe(2)
    expect(await dialog(page).count()).toBe(0)
    await expect.poll(() => page.locator('.grid .flag input:not(:checked)').count()).toBe(2)
    expect(await bar.isVisible()).toBe(false)
  })

  test('all that match: when their number has changed, the new one is shown before anything is written', async () => {
    const page = await openList('?category=Pans')
    await page.locator('[data-select-page]').check()
    await button(page, 'Select all 60 that match').click()
    await button(page, 'Change prices').click()
    await dialog(page).getByLabel('How much').fill('-10')
    await button(dialog(page), 'Preview').click()
    expect(await dialog(page).locator('[data-preview]').innerText()).toMatch(
      /60 products will change[\s\S]*Pan 0\s+10\.00\s+9\.00[\s\S]*The first 10 are shown/,
    )
    await server.ask('PUT', '/v1/products/new', { title: 'New', price: 20, categories: ['Pans'] })
    await button(dialog(page), 'Change 60 products').click()
    await button(dialog(page), 'Change 61 products').waitFor()
    expect(await dialog(page).getByRole('alert').innerText()).toContain(
      '61 products match now, not 60 as expected. Nothing was changed.',
    )
    expect(await count('price_min=10')).toBe(61)
    await button(dialog(page), 'Change 61 products').click()
    await told(page, '61 products changed')
    expect(await count('price_max=9')).toBe(60)
  })

  test('a preview writes nothing, and is void when something else is filled in', async () => {
    const page = await openList('?brand=Lodge')
    await page.locator('[data-select-page]').check()
    await button(page, 'Categories').click()
    await dialog(page).getByLabel('Add', { exact: true }).fill('Sale')
    await dialog(page).getByLabel('Remove', { exact: true }).fill('Pans')
    await button(dialog(page), 'Preview').click()
    await button(dialog(page), 'Change 3 products').waitFor()
    expect(await dialog(page).innerText()).toMatch(/Pan 0\s+Pans\s+Sale/)
    await dialog(page).getByLabel('Add', { exact: true }).fill('Sales')
    expect(await button(dialog(page), 'Change 3 products').count()).toBe(0)
    await button(dialog(page), 'Cancel').click()
    expect(await dialog(page).count()).toBe(0)
    expect(await count('category=Pans')).toBe(60)
  })

  test('a field is set, and what is wrong with it stands beside it', async () => {
    const page = await openList('?brand=Lodge')
    await page.locator('[data-select]').nth(0).click()
    await page
      .locator('[data-select]')
      .nth(2)
      .click({ modifiers: ['Shift'] })
    await button(page, 'Set a field').click()
    await dialog(page).getByLabel('Field', { exact: true }).selectOption('Price')
    await dialog(page).locator('#f-price').fill('cheap')
    await button(dialog(page), 'Preview').click()
    await dialog(page).locator('#f-price[aria-invalid]').waitFor()
    expect(await dialog(page).locator('#h-price').innerText()).toBe('must be a number, got "cheap"')
    await dialog(page).locator('#f-price').fill('7.5')
    await button(dialog(page), 'Preview').click()
    await button(dialog(page), 'Change 3 products').click()
    await told(page, '3 products changed')
    expect(await count('price_max=7.5')).toBe(3)
  })

  test('products are sold in the stores of a region', async () => {
    const page = await openList('?brand=Lodge')
    await page.locator('[data-select-page]').check()
    await button(page, 'Sell in…').click()
    await button(dialog(page), 'Preview').click()
    await dialog(page).getByText('Choose at least one store.').waitFor()
    expect(await dialog(page).getByRole('alert').count()).toBe(0)
    await dialog(page).getByLabel('MA').check()
    await button(dialog(page), 'Preview').click()
    expect(await dialog(page).locator('[data-preview]').innerText()).toMatch(
      /6 places of sale will change[\s\S]*Pan 0\s+Boston/,
    )
    await button(dialog(page), 'Change 6 places of sale').click()
    await told(page, '6 places of sale changed')
    expect([
      await count('store_id=s1'),
      await count('store_id=s2'),
      await count('sold=none'),
    ]).toEqual([3, 3, 57])
  })

  test('a selection goes over several pages, counts all of them, and is forgotten elsewhere', async () => {
    const page = await openList('?sort=-price')
    const bar = page.locator('#selection')
    await page.locator('[data-select]').nth(0).check()
    await page.locator('[data-select]').nth(1).check()
    const first = await page.locator('[data-select]:checked').first().getAttribute('value')
    await page.getByRole('link', { name: 'Next page' }).click()
    await page.waitForURL(/cursor=/)
    expect(await bar.innerText()).toContain('2 selected, 2 on other pages')
    await page.locator('[data-select]').first().check()
    expect(await bar.innerText()).toContain('3 selected, 2 on other pages')
    await page.getByRole('link', { name: 'First page' }).click()
    await page.waitForURL(/sort=-price$/)
    expect(await bar.innerText()).toContain('3 selected, 1 on other pages')
    expect(await page.locator('[data-select]:checked').count()).toBe(2)
    await page.locator(`[data-select][value=${first}]`).uncheck()
    await button(bar, 'Hide').click()
    await button(dialog(page), 'Hide 2 products').click()
    await told(page, '2 products hidden')
    expect(await count('published=false')).toBe(2)
    await expect.poll(() => page.locator('.grid .flag input:not(:checked)').count()).toBe(1)
    expect(await bar.isVisible()).toBe(false)

    await page.locator('[data-select]').first().check()
    await page.getByRole('link', { name: 'Hidden', exact: true }).click()
    await page.waitForURL(/published=false/)
    expect(await bar.isVisible()).toBe(false)
    await page.locator('[data-select]').first().check()
    await page.getByRole('link', { name: 'Stores', exact: true }).click()
    await page.waitForURL(/stores/)
    await page.goBack()
    await page.locator('[data-select]').first().waitFor()
    expect(await page.locator('[data-select]:checked').count()).toBe(0)
    expect(await bar.isVisible()).toBe(false)
  })

  test('of more stores than are shown, the others are found and stay ticked', async () => {
    const stores = Array.from({ length: 1_000 }, (_, n) => ({
      id: `many-${n}`,
      title: `A ${String(n).padStart(4, '0')}`,
      region: n % 2 === 0 ? 'Even' : 'Odd',
    }))
    await server.ask('POST', '/v1/stores/batch', { stores })
    try {
      const page = await openList('?brand=Lodge')
      await page.locator('[data-select-page]').check()
      await button(page, 'Sell in…').click()
      await dialog(page).getByText('The first 1,000 of 1,003 stores are shown.').waitFor()
      await dialog(page).getByLabel('A 0007').check()
      await dialog(page).getByLabel('Name or city of the stores').fill('Portland')
      await button(dialog(page), 'Find').click()
      await dialog(page).getByText('1 store found.').waitFor()
      expect(await dialog(page).innerText()).toContain('1 ticked store not shown here.')
      await dialog(page).getByLabel('Portland').check()
      await button(dialog(page), 'Preview').click()
      await button(dialog(page), 'Change 6 places of sale').click()
      await told(page, '6 places of sale changed')
      expect([await count('store_id=s3'), await count('store_id=many-7')]).toEqual([3, 3])

      await page.goto(`${server.url}/console/products/p00`)
      await page.getByText('The first 1,000 stores are shown.').waitFor()
      await page.goto(`${server.url}/console/availability?brand=Lodge&region=Even`)
      await page.getByRole('link', { name: 'Next stores' }).click()
      await page.getByLabel('Pan 0 in A 0120').waitFor()
      await page.getByRole('link', { name: 'First stores' }).click()
      await page.getByLabel('Pan 0 in A 0000').waitFor()
      await button(page, 'Change all 3 that match').click()
      await dialog(page).getByText('500 stores found.').waitFor()
      expect(await dialog(page).locator('[name=sold_in]:checked').count()).toBe(500)
    } finally {
      await server.ask('POST', '/v1/stores/bulk', { where: { q: 'many-' }, remove: true })
    }
  })

  test('the columns that are shown are chosen, and stay in the address; also without script', async () => {
    const watched = await signIn(browser, server, { javaScriptEnabled: false })
    open.push(watched)
    const { page } = watched
    await page.goto(`${server.url}/console/products?brand=Lodge`)
    await page.getByText('Columns', { exact: true }).click()
    const menu = page.locator('.columns-menu')
    await menu.getByLabel('SKU').check()
    await menu.getByLabel('Stock').uncheck()
    await button(menu, 'Show these columns').click()
    const heads = () => page.locator('.grid thead th').allInnerTexts()
    await expect
      .poll(heads)
      .toEqual(['', 'Title', 'Price', 'Brand', 'Categories', 'In the feed', 'SKU', 'Stores'])
    expect(page.url()).toContain('brand=Lodge')
    await page.getByRole('link', { name: 'No price' }).click()
    await page.getByRole('link', { name: /No price/ }).click()
    await expect.poll(heads).toContain('SKU')
    await page.getByText('Columns', { exact: true }).click()
    await page.getByRole('link', { name: 'Show the usual columns' }).click()
    await expect.poll(heads).toContain('Stock')
    const edited = await openList('?brand=Lodge&columns=sku,gtin')
    await edited.locator('.grid [data-field=sku]').first().fill('LC-1')
    await edited.locator('.grid [data-field=sku]').first().press('Enter')
    await edited.locator('.grid td[data-state=saved] > [data-field=sku]').waitFor()
    expect(await count('q=LC-1')).toBe(1)
  })

  test('products are removed', async () => {
    const page = await openList('?brand=Lodge')
    await page.locator('[data-select]').first().check()
    await button(page, 'Remove').click()
    await button(dialog(page), 'Remove 1 product').click()
    await told(page, '1 product removed')
    await expect.poll(() => page.locator('.grid tbody tr').count()).toBe(2)
    expect(await count('')).toBe(59)
  })

  test('on the page of availability, all that match are changed', async () => {
    const page = await openList()
    await page.goto(`${server.url}/console/availability?brand=Lodge&region=MA`)
    await button(page, 'Change all 3 that match').click()
    expect(await dialog(page).getByLabel('Boston').isChecked()).toBe(true)
    expect(await dialog(page).getByLabel('Portland').isChecked()).toBe(false)
    await button(dialog(page), 'Preview').click()
    await button(dialog(page), 'Change 6 places of sale').click()
    await told(page, '6 places of sale changed')
    expect(await count('store_id=s2')).toBe(3)
    expect(await page.getByLabel('Pan 0 in Boston').isChecked()).toBe(true)
  })

  test('a store is given what another store sells', async () => {
    await server.ask('POST', '/v1/availability/bulk', {
      products: { where: { brand: 'Lodge' } },
      stores: { ids: ['s1'] },
      action: 'add',
    })
    const page = await openList()
    await page.goto(`${server.url}/console/stores/s3`)
    await button(page, 'Sell here what another store sells').click()
    await dialog(page).getByLabel('Sell here what this store sells').selectOption('Boston')
    await button(dialog(page), 'Preview').click()
    await button(dialog(page), 'Sell 3 products').click()
    await told(page, '3 products added')
    expect(await count('store_id=s3')).toBe(3)
  })

  test('inputs propose the values that there are', async () => {
    const page = await openList('?q=p00')
    const brand = page.locator('.grid [data-field=brand]')
    await brand.fill('lod')
    await page.locator('#proposals option').first().waitFor({ state: 'attached' })
    expect(await page.locator('#proposals option').first().getAttribute('value')).toBe('Lodge')
    expect(await brand.getAttribute('list')).toBe('proposals')
    const categories = page.locator('.grid [data-field=categories]')
    await categories.fill('Sale, pa')
    await page.locator('#proposals option[value="Sale, Pans"]').waitFor({ state: 'attached' })
  })

  test('Esc clears the selection; a key that may only read has none', async () => {
    const page = await openList()
    await page.locator('[data-select]').first().check()
    await page.keyboard.press('Escape')
    expect(await page.locator('[data-select]:checked').count()).toBe(0)
    expect(await page.locator('#selection').isVisible()).toBe(false)
    const { body } = await server.ask('POST', '/v1/keys', { name: 'r', scopes: ['read'] })
    const reader = await signIn(browser, { url: server.url, key: Object(body).key })
    open.push(reader)
    expect(await reader.page.locator('[data-select], #selection').count()).toBe(0)
  })

  test.each([
    ['light', 1280],
    ['dark', 390],
  ] as const)(
    'everybody can read the bar and the dialogs: %s, %i px',
    async (colorScheme, width) => {
      const page = await openList('', { colorScheme, viewport: { width, height: 900 } })
      await page.locator('[data-select]').first().check()
      expect(await faultsOf(page)).toEqual([])
      for (const name of [
        'Set a field',
        'Categories',
        'Change prices',
        'Sell in…',
        'Hide',
        'Remove',
      ]) {
        await button(page.locator('#selection'), name).click()
        await dialog(page).waitFor()
        expect([name, await faultsOf(page), await isTooWide(page)]).toEqual([name, [], false])
        await button(dialog(page), 'Cancel').click()
      }
      expect(open[0]?.errors).toEqual([])
    },
  )
})
