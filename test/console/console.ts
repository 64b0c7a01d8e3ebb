/** What the tests of the console share: pages that are watched, and sessions. */
import { readFile } from 'node:fs/promises'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { type PageRecord, watch } from '../support/browser.ts'
import type { TestServer } from '../support/server.ts'

export type Watched = PageRecord & { page: Page }

const axe = await readFile(new URL(import.meta.resolve('axe-core/axe.min.js')), 'utf8')

/** What axe finds, by WCAG 2.2 AA. */
export const faultsOf = (page: Page): Promise<string[]> =>
  page.evaluate(
    `${axe}; axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
      .then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes[0].html))`,
  )

export const isTooWide = (page: Page): Promise<boolean> =>
  page.evaluate('document.documentElement.scrollWidth > innerWidth')

export async function openPage(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
  return { page, ...watch(page) }
}

export async function signIn(
  browser: Browser,
  { url, key }: Pick<TestServer, 'url' | 'key'>,
  options: BrowserContextOptions = {},
): Promise<Watched> {
  const watched = await openPage(browser, options)
  await watched.page.goto(`${url}/console`)
  await watched.page.fill('#key', key)
  await watched.page.getByRole('button', { name: 'Sign in' }).click()
  await watched.page.waitForURL(/\/console(?!\/sign-in)/)
  return watched
}

/** What is seldom used is under the name of the key. */
export const openMenu = (page: Page): Promise<void> => page.locator('.menu summary').click()

/** Sends a form as a browser does from a page of the same server. */
export function postForm(
  url: string,
  path: string,
  form: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${url}${path}`, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'Sec-Fetch-Site': 'same-origin', ...headers },
    body: new URLSearchParams(form),
  })
}

/** The cookie of a new session, as a browser sends it. */
export async function sessionOf({ url, key }: Pick<TestServer, 'url' | 'key'>): Promise<string> {
  const response = await postForm(url, '/console/sign-in', { key })
  const [cookie = ''] = response.headers.getSetCookie()
  return cookie.split(';')[0] ?? ''
}
