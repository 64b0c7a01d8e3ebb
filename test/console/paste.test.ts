/** Blocks of cells from a spreadsheet, pasted into the grid in a real browser. */
import type { Browser, Locator, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { hasBrowser, launch } from '../support/browser.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { signIn } from './console.ts'

describe.skipIf(!hasBrowser)('a pasted block', () => {
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

  /** A list of three products of its own, in the order a, b, c. */
  async function openList(): Promise<{ page: Page; ids: string[] }> {
    const name = `list-${++number}`
    const ids = ['a', 'b', 'c'].map((one) => `${name}-${one}`)
    for (const id of ids)
      await server.ask('PUT', `/v1/products/${id}`, { title: `Pan ${id}`, price: 1, brand: 'B' })
    const { page } = await signIn(browser, server)
    open.push(page)
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await page.goto(`${server.url}/console/products?q=${name}`)
    return { page, ids }
  }

  const cell = (page: Page, id: string, field: string): Locator =>
    page.locator(`.grid tr[data-id="${id}"] [data-field=${field}]`)
  const note = (page: Page, id: string, field: string): Locator =>
    cell(page, id, field).locator('..').locator('.note')
  const bar = (page: Page): Locator => page.locator('#staged')

  async function paste(page: Page, into: Locator, rows: string[][]): Promise<void> {
    const text = rows.map((row) => row.join('\t')).join('\r\n')
    await into.focus()
    await page.evaluate(`navigator.clipboard.writeText(${JSON.stringify(text)})`)
    await page.keyboard.press('Control+v')
  }

  const fieldsOf = (ids: string[], ...names: string[]) =>
    Promise.all(
      ids.map(async (id) => {
        const record = Object((await server.ask('GET', `/v1/products/${id}`)).body)
        return names.map((name) => record[name])
      }),
    )

  test('of 3×2 cells is staged, saved together, and taken back by Undo', async () => {
    const { page, ids } = await openList()
    const [a = '', b = ''] = ids
    await paste(page, cell(page, a, 'price'), [
      ['10', '5'],
      ['20', '6'],
      ['30.5', ''],
    ])
    await bar(page).waitFor()
    expect(await bar(page).innerText()).toContain('5 cells to save')
    expect(await cell(page, b, 'price').inputValue()).toBe('20')
    const before = await fieldsOf(ids, 'price', 'inventory_quantity')
    expect(before).toEqual([
      [1, null],
      [1, null],
      [1, null],
    ])
    await bar(page).getByRole('button', { name: 'Save all' }).click()
    await page.getByText('5 cells saved').waitFor()
    expect(await fieldsOf(ids, 'price', 'inventory_quantity')).toEqual([
      [10, 5],
      [20, 6],
      [30.5, null],
    ])
    expect(await cell(page, a, 'price').inputValue()).toBe('10.00')
    expect(await bar(page).isVisible()).toBe(false)
    await page.getByRole('button', { name: 'Undo' }).click()
    await expect.poll(() => fieldsOf(ids, 'price', 'inventory_quantity')).toEqual(before)
    await expect.poll(() => cell(page, a, 'price').inputValue()).toBe('1.00')
  })

  test('with a fault is not saved at all; the fault stands beside its cell, and the rest is kept', async () => {
    const { page, ids } = await openList()
    const [a = '', b = '', c = ''] = ids
    await paste(page, cell(page, a, 'price'), [['10'], ['19,90'], ['30']])
    await page.keyboard.press('Control+s')
    await note(page, b, 'price').waitFor()
    expect(await note(page, b, 'price').innerText()).toBe('must be a number, got "19,90"')
    expect(await cell(page, b, 'price').getAttribute('aria-invalid')).toBe('true')
    expect(await bar(page).innerText()).toContain('Nothing was saved: 1 cell cannot be saved')
    expect(await cell(page, c, 'price').inputValue()).toBe('30')
    expect(await fieldsOf(ids, 'price')).toEqual([[1], [1], [1]])
    await cell(page, b, 'price').fill('19.90')
    await bar(page).getByRole('button', { name: 'Save all' }).click()
    await page.getByText('3 cells saved').waitFor()
    expect(await fieldsOf(ids, 'price')).toEqual([[10], [19.9], [30]])
    expect(await page.locator('.note').count()).toBe(0)
  })

  test.each([
    ['Keep theirs', 15],
    ['Write mine', 10],
  ])('onto what somebody else changed meanwhile: %s', async (choice, price) => {
    const { page, ids } = await openList()
    const [a = '', b = ''] = ids
    await paste(page, cell(page, a, 'price'), [['10'], ['20'], ['30']])
    await server.ask('PATCH', `/v1/products/${a}`, { price: 15 })
    await server.ask('PATCH', `/v1/products/${b}`, { brand: 'Theirs' })
    await bar(page).getByRole('button', { name: 'Save all' }).click()
    const dialog = page.getByRole('dialog', { name: 'Changed since you read it' })
    expect(await dialog.innerText()).toMatch(/Now: 15\.00[\s\S]*Yours: 10/)
    await dialog.getByRole('button', { name: choice }).click()
    await page.getByText('cells saved').waitFor()
    expect(await fieldsOf(ids, 'price', 'brand')).toEqual([
      [price, 'B'],
      [20, 'Theirs'],
      [30, 'B'],
    ])
  })

  test('that is larger than the list, or is no yes or no, says what stayed out', async () => {
    const { page, ids } = await openList()
    const [, b = '', c = ''] = ids
    await paste(page, cell(page, b, 'categories'), [
      ['"Pans, Pots"', 'FALSE'],
      ['"A ""good"" one"', 'perhaps'],
      ['More', 'TRUE'],
    ])
    expect(await bar(page).innerText()).toContain('2 values did not fit and stayed out.')
    expect(await note(page, c, 'published').innerText()).toBe(
      'must be TRUE or FALSE, got "perhaps"',
    )
    await bar(page).getByRole('button', { name: 'Save all' }).click()
    await page.getByText('3 cells saved').waitFor()
    expect(await fieldsOf(ids, 'categories', 'published')).toEqual([
      [[], true],
      [['Pans', 'Pots'], false],
      [['A "good" one'], true],
    ])
  })

  test('can be discarded, and keeps what was typed while the server is away', async () => {
    const { page, ids } = await openList()
    const [a = ''] = ids
    await page.route('**/console/v1/products', (route) => route.abort())
    await paste(page, cell(page, a, 'price'), [['10'], ['20']])
    await bar(page).getByRole('button', { name: 'Save all' }).click()
    await page.getByText('Nothing was saved: the server does not answer').waitFor()
    expect(await cell(page, a, 'price').inputValue()).toBe('10')
    await bar(page).getByRole('button', { name: 'Discard' }).click()
    expect(await cell(page, a, 'price').inputValue()).toBe('1.00')
    expect(await bar(page).isVisible()).toBe(false)
  })
})
