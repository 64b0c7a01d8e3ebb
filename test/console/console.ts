/** What the tests of the console share: a server, a browser, and a page that is signed in. */
import { existsSync } from 'node:fs'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import type { TestServer } from '../support/server.ts'

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
  .concat(process.env.CHROMIUM_PATH ?? [])
  .findLast(existsSync)
/** The browser may be missing on a developer's machine, but not in CI. */
export const hasBrowser = executablePath !== undefined || Boolean(process.env.CI)

export function launch(): Promise<Browser> {
  const quiet = ['gpu', 'quic', 'background-networking', 'component-update', 'sync']
  return chromium.launch({
    executablePath: executablePath ?? 'chromium',
    args: ['--no-sandbox', '--no-first-run', ...quiet.map((what) => `--disable-${what}`)],
  })
}

export type Watched = { page: Page; requested: string[]; errors: string[] }

export async function openPage(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
  const requested: string[] = []
  const errors: string[] = []
  page.on('request', (request) => {
    if (!request.url().startsWith('data:')) requested.push(request.url())
  })
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) errors.push(message.text())
  })
  page.on('pageerror', (error) => errors.push(error.message))
  return { page, requested, errors }
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
  await watched.page.waitForURL(/\/console\/products/)
  return watched
}

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
