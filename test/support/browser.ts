/** What tests of pages share: the browser, and what a page asks for and reports. */
import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'

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

export type PageRecord = { requested: string[]; errors: string[] }

export function watch(page: Page): PageRecord {
  const requested: string[] = []
  const errors: string[] = []
  page.on('request', (request) => {
    if (!request.url().startsWith('data:')) requested.push(request.url())
  })
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) errors.push(message.text())
  })
  page.on('pageerror', (error) => errors.push(error.message))
  return { requested, errors }
}
