/** The grid in a real browser: what is typed is saved, and nothing that is typed is lost. */
import type { Browser, Locator, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { hasBrowser, launch } from '../support/browser.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { signIn } from './console.ts'

describe.skipIf(!hasBrowser)('the grid', () => {
  let server: TestServer
  let browser: Browser
  const open: Page[] = []
  let number = 0

  beforeAll(async () => {
    server = await startTestServer()
    browser = await launch()
  })
  afterEach(async () => {
    for (const page of open.splice(0)) await page.context().close()
  })
  afterAll(async () => {
    await browser.close()
    await server.stop()
  })

  /** A page with one product of its own. */
  async function openProduct(fields: object = {}): Promise<{ id: string; page: Page }> {
    const id = `g-${++number}-${Date.now()}`
    await server.ask('PUT', `/v1/products/${id}`, { title: `Pan ${id}`, price: 10, ...fields })
    const { page } = await signIn(browser, server)
    open.push(page)
    await page.goto(`${server.url}/console/products?q=${id}`)
    return { id, page }
  }

  const cell = (page: Page, field: string): Locator => page.locator(`.grid [data-field=${field}]`)
  const boxOf = (input: Locator): Locator => input.locator('..')
  const stateIs = (page: Page, field: string, state: string) =>
    page.locator(`.grid td[data-state=${state}] > [data-field=${field}]`).waitFor()

  async function product(id: string): Promise<Record<string, unknown>> {
    return { ...Object((await server.ask('GET', `/v1/products/${id}`)).body) }
  }

  test('Enter saves a cell, and Undo takes it back', async () => {
    const { id, page } = await openProduct()
    await cell(page, 'price').fill('12.5')
    await cell(page, 'price').press('Enter')
    await stateIs(page, 'price', 'saved')
    expect(await cell(page, 'price').inputValue()).toBe('12.50')
    expect(await product(id)).toMatchObject({ price: 12.5 })
    await page.getByRole('button', { name: 'Undo' }).click()
    await expect.poll(async () => (await product(id)).price).toBe(10)
    await expect.poll(() => cell(page, 'price').inputValue()).toBe('10.00')
  })

  test('what was typed before the scripts ran is saved once they do', async () => {
    const { id, page } = await openProduct()
    let load = () => {}
    const isLoaded = new Promise<void>((resolve) => {
      load = resolve
    })
    await page.route('**/grid.js', async (route) => {
      await isLoaded
      await route.continue()
    })
    await page.reload({ waitUntil: 'commit' })
    await cell(page, 'price').fill('14')
    await cell(page, 'price').press('Enter')
    load()
    await stateIs(page, 'price', 'saved')
    expect(await product(id)).toMatchObject({ price: 14 })
  })

  test('leaving a cell saves it; a tick is saved at once', async () => {
    const { id, page } = await openProduct()
    await cell(page, 'brand').fill('Lodge')
    await cell(page, 'brand').press('Tab')
    await stateIs(page, 'brand', 'saved')
    await cell(page, 'published').uncheck()
    await stateIs(page, 'published', 'saved')
    expect(await product(id)).toMatchObject({ brand: 'Lodge', published: false })
  })

  test('what is typed beside a delayed save stays', async () => {
    const { id, page } = await openProduct()
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    await page.route('**/console/v1/products/**', async (route) => {
      await held
      await route.continue()
    })
    await cell(page, 'price').fill('11')
    await cell(page, 'price').press('Tab')
    await stateIs(page, 'price', 'saving')
    await cell(page, 'brand').fill('Half a wo')
    await cell(page, 'price').fill('12')
    release()
    await stateIs(page, 'brand', 'saved')
    expect(await cell(page, 'price').inputValue()).toBe('12')
    expect(await product(id)).toMatchObject({ brand: 'Half a wo', price: 11 })
    await cell(page, 'price').press('Enter')
    await stateIs(page, 'price', 'saved')
    expect(await product(id)).toMatchObject({ price: 12 })
  })

  test('one does not conflict with oneself, however fast one types', async () => {
    const { id, page } = await openProduct()
    for (const [field, text] of [
      ['title', 'One'],
      ['price', '1'],
      ['brand', 'Two'],
      ['inventory_quantity', '3'],
    ] as const) {
      await cell(page, field).fill(text)
    }
    await cell(page, 'title').focus()
    for (const field of ['price', 'brand', 'inventory_quantity'])
      await stateIs(page, field, 'saved')
    await cell(page, 'title').fill('Second')
    await cell(page, 'title').press('Enter')
    await expect.poll(async () => (await product(id)).title).toBe('Second')
    expect(await page.locator('dialog[open]').allInnerTexts()).toEqual([])
    expect(await product(id)).toMatchObject({ price: 1, brand: 'Two', inventory_quantity: 3 })
  })

  test('when others changed other fields only, the cell is saved without a question', async () => {
    const { id, page } = await openProduct()
    await server.ask('PATCH', `/v1/products/${id}`, { brand: 'Theirs' })
    await cell(page, 'price').fill('20')
    await cell(page, 'price').press('Enter')
    await stateIs(page, 'price', 'saved')
    expect(await product(id)).toMatchObject({ price: 20, brand: 'Theirs' })
  })

  test.each([
    ['Keep theirs', 15],
    ['Write mine', 20],
  ])('two people in one cell: %s', async (choice, price) => {
    const { id, page } = await openProduct()
    await server.ask('PATCH', `/v1/products/${id}`, { price: 15 })
    await cell(page, 'price').fill('20')
    await cell(page, 'price').press('Enter')
    const dialog = page.getByRole('dialog', { name: 'Changed since you read it' })
    expect(await dialog.innerText()).toMatch(/Now: 15\.00[\s\S]*Yours: 20/)
    expect(await product(id)).toMatchObject({ price: 15 })
    await dialog.getByRole('button', { name: choice }).click()
    await expect.poll(() => cell(page, 'price').inputValue()).toMatch(new RegExp(`^${price}\\.00$`))
    expect(await product(id)).toMatchObject({ price })
  })

  test('a fault stands beside its cell, in the words of the API', async () => {
    const { id, page } = await openProduct()
    await cell(page, 'price').fill('19,90')
    await cell(page, 'price').press('Enter')
    await stateIs(page, 'price', 'invalid')
    expect(await boxOf(cell(page, 'price')).innerText()).toContain('must be a number, got "19,90"')
    expect(await cell(page, 'price').getAttribute('aria-invalid')).toBe('true')
    expect(await product(id)).toMatchObject({ price: 10 })
    await cell(page, 'price').fill('19.90')
    await cell(page, 'price').press('Enter')
    await stateIs(page, 'price', 'saved')
    expect(await page.locator('.note').count()).toBe(0)
  })

  test('Esc takes back what was typed', async () => {
    const { id, page } = await openProduct()
    await cell(page, 'title').fill('Wrong')
    await cell(page, 'title').press('Escape')
    expect(await cell(page, 'title').inputValue()).toBe(`Pan ${id}`)
  })

  test('while the server does not answer the cell stays marked, and is saved when it is back', async () => {
    const { id, page } = await openProduct()
    await page.route('**/console/v1/products/**', (route) => route.abort())
    await cell(page, 'price').fill('30')
    await cell(page, 'price').press('Enter')
    await stateIs(page, 'price', 'failed')
    expect(await cell(page, 'price').inputValue()).toBe('30')
    await page.unroute('**/console/v1/products/**')
    await stateIs(page, 'price', 'saved')
    expect(await product(id)).toMatchObject({ price: 30 })
  })

  test('a session that ended in mid-edit loses nothing that was typed', async () => {
    const { page } = await openProduct()
    await page.context().clearCookies()
    await cell(page, 'title').fill('Still here')
    await cell(page, 'title').press('Enter')
    await stateIs(page, 'title', 'failed')
    expect(await boxOf(cell(page, 'title')).innerText()).toContain('sign in in another tab')
    expect(await cell(page, 'title').inputValue()).toBe('Still here')
    await page.close({ runBeforeUnload: false })
  })

  test('search filters while one types, and the address keeps it', async () => {
    const { id, page } = await openProduct()
    await page.goto(`${server.url}/console/products`)
    await page.keyboard.press('Control+k')
    await page.keyboard.type(id)
    await page.locator('.grid tbody tr').first().waitFor()
    await expect.poll(() => page.locator('.grid tbody tr').count()).toBe(1)
    expect(page.url()).toContain(`q=${id}`)
    await page.reload()
    expect(await page.locator('.grid tbody tr').count()).toBe(1)
  })

  test('a script in a title is text, and an image that hangs holds nothing up', async () => {
    const { page } = await openProduct({
      title: '<script>document.title="pwned"</script>',
      image_link: 'https://10.255.255.1/hangs.jpg',
      brand: '"><img src=x onerror=alert(1)>',
    })
    expect(await cell(page, 'title').inputValue()).toContain('<script>')
    expect(await page.title()).toBe('Products · storefeed')
    await page.locator('.grid .picture-cell a').click()
    await expect.poll(() => page.locator('h1').innerText()).toContain('<script>')
  })
})
