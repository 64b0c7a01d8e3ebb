/** The page of the API works in a browser and loads nothing from other servers. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hasBrowser, launch, watch } from '../support/browser.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

test('the page may load only its own files', async () => {
  const page = await server.ask('GET', '/docs')
  expect(page.status).toBe(200)
  expect(page.headers.get('Content-Type')).toMatch(/^text\/html/)
  expect(page.headers.get('Content-Security-Policy')).toMatch(/^default-src 'self';/)
  for (const [, address] of page.text.matchAll(/(?:src|href)="([^"]+)"/g))
    expect(address).toMatch(/^(\/docs\/|data:)/)
})

test.each([
  ['swagger-ui.css', 'text/css'],
  ['swagger-ui-bundle.js', 'text/javascript'],
  ['start.js', 'text/javascript'],
])('%s is served from here', async (asset, type) => {
  const answer = await server.ask('GET', `/docs/${asset}`)
  expect(answer.status).toBe(200)
  expect(answer.headers.get('Content-Type')).toContain(type)
})

test.each(['package.json', '..%2Fpackage.json', 'constructor', '__proto__'])(
  'nothing else of the package is served: %s',
  async (asset) => {
    expect((await server.ask('GET', `/docs/${asset}`)).status).toBe(404)
  },
)

test('the page shows every route, proposes a body, keeps the key, sends nothing elsewhere and reports no error', async (context) => {
  if (!hasBrowser) context.skip('no chromium is installed, and CI is not set')
  const browser = await launch()
  try {
    const page = await browser.newPage({ viewport: { width: 1200, height: 1600 } })
    const { requested, errors } = watch(page)
    await page.goto(`${server.url}/docs`)
    await page.locator('.opblock').first().waitFor()
    const { paths } = (await server.ask('GET', '/openapi.json')).body as { paths: object }
    const shown = await page.locator('.opblock-summary-path').allInnerTexts()
    const plain = (path: string) => path.replaceAll('\u200b', '').trim()
    expect(new Set(shown.map(plain))).toEqual(new Set(Object.keys(paths)))

    await page.locator('#operations-products-createProduct button').first().click()
    await page.locator('#operations-products-createProduct .responses-table').waitFor()
    await page.locator('#operations-products-createProduct .try-out__btn').click()
    const proposed = page.locator('#operations-products-createProduct textarea').first()
    expect(JSON.parse(await proposed.inputValue())).toMatchObject({ id: '1111' })
    await page.locator('.scheme-container .authorize').click()
    expect(await page.locator('.auth-container h4 code').first().innerText()).toBe('key')
    await page.locator('#auth-bearer-value').fill(server.key)
    await page.locator('.auth-container button.authorize').first().click()
    expect(await page.evaluate("localStorage.getItem('authorized')")).toContain(server.key)
    expect(requested.filter((url) => !url.startsWith(server.url))).toEqual([])
    expect(errors).toEqual([])
  } finally {
    await browser.close()
  }
})
