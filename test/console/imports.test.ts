/** Files in the console: looked at before anything is written, their mistakes fixed, applied once. */
import { readFile } from 'node:fs/promises'
import { sql } from 'drizzle-orm'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { hasBrowser, launch } from '../support/browser.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { postForm, sessionOf, signIn, type Watched } from './console.ts'

describe.skipIf(!hasBrowser)('in a browser', () => {
  let server: TestServer
  let browser: Browser
  let watched: Watched

  beforeAll(async () => {
    server = await startTestServer()
    browser = await launch()
    watched = await signIn(browser, server)
  })
  afterAll(async () => {
    await browser.close()
    await server.stop()
  })
  beforeEach(async () => {
    await server.database.db.execute(sql`truncate products, stores, imports cascade`)
    await server.ask('PUT', '/v1/products/pot', { title: 'Pot', price: 10, brand: 'Acme' })
    await watched.page.goto(`${server.url}/console/import`)
  })

  async function choose(content: string, name = 'new-season.csv'): Promise<void> {
    const file = { name, mimeType: 'text/csv', buffer: Buffer.from(content) }
    await watched.page.setInputFiles('#file', file)
  }
  const press = (name: string) => watched.page.getByRole('button', { name }).click()
  /** A text between spaces of any kind. */
  const see = (text: string) =>
    expect
      .poll(async () => (await watched.page.locator('main').innerText()).replaceAll(/\s+/g, ' '), {
        timeout: 30_000,
      })
      .toContain(text)
  const product = async (id: string) => (await server.ask('GET', `/v1/products/${id}`)).body

  test('a file is checked, its changes are shown before and after, and it is applied', async () => {
    await choose('id,title,price\npot,Pot,12\nladle,Ladle,5\nbad,,1\n')
    await watched.page.getByLabel('replaces the record whole').check()
    await press('Check the file')
    await see('Checked, not applied')
    await see('Price 10.00 → becomes 12.00')
    await see('Brand Acme → becomes (empty)')
    await see('Brand (1)')
    await see('Title Ladle')
    await see('title is missing')
    expect(await product('pot')).toMatchObject({ price: 10 })
    await press('Apply: 2 records')
    await see('Applied')
    expect(await product('pot')).toMatchObject({ price: 12, brand: null })
    expect(await product('ladle')).toMatchObject({ price: 5 })
    expect(watched.errors).toEqual([])
  })

  test('unless chosen otherwise, a row changes only what it names', async () => {
    await choose('id,price\npot,12\n')
    await press('Check the file')
    await see('A row changes only what it names.')
    await press('Apply: 1 record')
    await see('Applied')
    expect(await product('pot')).toMatchObject({ price: 12, brand: 'Acme' })
  })

  test('columns of other names are matched, and the file is checked again', async () => {
    await choose('Code,Name,Colour\nladle,Ladle,red\n')
    await press('Check the file')
    await see('Refused')
    const match = (column: string, field: string) =>
      watched.page.getByLabel(`What ${column} becomes`).selectOption(field)
    await match('Code', 'id')
    await match('Name', 'title')
    await match('Colour', 'metadata.colour')
    await press('Check again')
    await see('Checked, not applied')
    await press('Apply: 1 record')
    await see('Applied')
    expect(await product('ladle')).toMatchObject({ title: 'Ladle', metadata: { colour: 'red' } })
  })

  test('rejected rows are downloaded, corrected, and imported', async () => {
    await choose('id,title,price\nladle,Ladle,cheap\n')
    await press('Check the file')
    await see('must be a number')
    const [download] = await Promise.all([
      watched.page.waitForEvent('download'),
      watched.page.getByRole('link', { name: 'Download them to correct' }).click(),
    ])
    const rejects = await readFile((await download.path()) ?? '', 'utf8')
    await watched.page.goto(`${server.url}/console/import`)
    await choose(rejects.replace('"cheap"\n', '"5"\n'))
    await press('Check the file')
    await press('Apply: 1 record')
    await see('Applied')
    expect(await product('ladle')).toMatchObject({ price: 5 })
  })

  test('rejected rows are corrected in the page, and become an import of their own', async () => {
    await choose(
      'Code,Name,price,Text\nladle,Ladle,cheap,"of ""oak""\nand tin"\npot,Pot,12,\nno,,1,\ngone,Gone,x,\n',
    )
    await press('Check the file')
    const match = (column: string, field: string) =>
      watched.page.getByLabel(`What ${column} becomes`).selectOption(field)
    await match('Code', 'id')
    await match('Name', 'title')
    await match('Text', 'description')
    await press('Check again')
    await see('price must be a number')
    await press('Apply: 1 record')
    await see('Applied')
    const row = (line: number) => watched.page.getByRole('group', { name: `Line ${line}` })
    await row(2).getByLabel('price').fill('5')
    for (const name of ['Code', 'Name', 'price']) await row(6).getByLabel(name).fill('')
    await press('Check the corrected rows')
    await see('title must be a string')
    await see('Rejected: 1 row')
    await press('Apply: 1 record')
    await see('Applied')
    expect(await product('ladle')).toMatchObject({ price: 5, description: 'of "oak"\nand tin' })
    await watched.page.getByRole('group', { name: 'Line 4' }).getByLabel('Name').fill('None')
    await press('Check the corrected row')
    await see('Rejected 0')
    await press('Apply: 1 record')
    await see('Applied')
    expect(await product('no')).toMatchObject({ title: 'None', price: 1 })
    expect(watched.errors).toEqual([])
  })

  test('what was applied leads to its change, where it is undone', async () => {
    await choose('id,price\npot,12\n')
    await press('Check the file')
    await press('Apply: 1 record')
    await watched.page.getByRole('link', { name: 'See and undo what it changed' }).click()
    await see('Price 10.00 → became 12.00')
    await watched.page.goBack()
    await see('Applied')
  })

  test('an export of another system is read with its preset and the choice of variants', async () => {
    await choose(
      'Handle,Title,Variant SKU,Variant Price,Status\npot,Pot,P-1,12,active\npot,,P-2,13,active\n',
    )
    await watched.page.getByLabel('Export of another system').selectOption('shopify-products')
    await press('Check the file')
    await see('Refused')
    await see('variants=rows')
    await watched.page.getByText('How the file is written').click()
    await watched.page.getByLabel('Variants').selectOption('rows')
    await press('Check again')
    await press('Apply: 2 records')
    await see('Applied')
    expect(await product('P-2')).toMatchObject({ title: 'Pot', price: 13 })
  })

  test('two who press Apply at once apply it once', async () => {
    const { body } = await server.ask(
      'POST',
      '/v1/imports?kind=products',
      'id,title\nladle,Ladle\n',
      { 'Content-Type': 'text/csv' },
    )
    const path = `/console/import/${String(Object(body).id)}/apply`
    const cookie = { Cookie: await sessionOf(server) }
    const answers = await Promise.all([1, 2].map(() => postForm(server.url, path, {}, cookie)))
    expect(answers.map(({ status }) => status).sort()).toEqual([303, 422])
    await watched.page.goto(`${server.url}/console/import`)
    await see('Applied')
  })

  test('a key that may only read sees the imports and cannot begin one', async () => {
    const { body } = await server.ask('POST', '/v1/keys', { name: 'reader', scopes: ['read'] })
    const reader = await signIn(browser, { url: server.url, key: String(Object(body).key) })
    await reader.page.goto(`${server.url}/console/import`)
    await expect
      .poll(() => reader.page.locator('main').innerText())
      .toContain('sign in with one that has the scope "write"')
    await reader.page.context().close()
  })
})
