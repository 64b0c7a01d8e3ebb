/** Photographs the demo for the documentation: the console, the sandbox's page and the API's, into docs/images/. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium } from 'playwright-core'
import { z } from 'zod'
import { freePort } from './support/loopback.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const port = await freePort()
const server = `http://localhost:${port}`
const apiKey = 'screenshots-admin-key'
const timeoutMs = 120_000

const order = {
  id: '1234',
  store_id: '1212',
  total: 335.99,
  customer: { email: 'jo.miller@klaviyo-demo.com', first_name: 'Jo', last_name: 'Miller' },
  items: [{ product_id: '1111' }, { product_id: '1112' }],
}

/** Klaviyo refuses its orders, so that the pictures show what failed. */
const refused = ['2041', '2042', '2043']

/** The README has the products in both. */
const shown = {
  light: ['products', 'availability', 'feeds', 'attention', 'deliveries'],
  dark: ['products'],
}

const eventsPage = z.object({ events: z.array(z.unknown()) })
const catalogPage = z.object({ items: z.array(z.unknown()) })

const dataDir = await mkdtemp(join(tmpdir(), 'storefeed-screenshots-'))
const demo = startDemo()
const ended = once(demo, 'exit')
try {
  const sandbox = await sandboxUrl(demo)
  await post('/v1/orders', order)
  await post('/v1/orders/1234/fulfillments', { id: 'f1', shipping_method: 'Picked up' })
  await post('/v1/orders/1234/refunds', { id: 'r1', items: [{ line: 2 }] })
  await untilReceived(sandbox)
  await put(`${sandbox}/sandbox/faults`, { bad: { ids: refused } })
  for (const id of refused) await post('/v1/orders', { ...order, id })
  await until('The orders did not fail', async () => {
    const headers = { Authorization: `Bearer ${apiKey}` }
    const response = await fetch(`${server}/v1/events?status=failed`, { headers })
    return eventsPage.parse(await response.json()).events.length >= refused.length
  })
  await photograph(sandbox)
} finally {
  demo.kill('SIGINT')
  await ended
  await rm(dataDir, { recursive: true, force: true })
}

function startDemo(): ChildProcess {
  return spawn(process.execPath, ['--import', 'tsx', 'src/main.ts', 'demo'], {
    cwd: root,
    env: {
      ...process.env,
      PORT: String(port),
      API_KEY: apiKey,
      DATA_DIR: dataDir,
      LOG_LEVEL: 'fatal',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

/** The demo prints it once everything runs; no other address there begins with 127.0.0.1. */
function sandboxUrl({ stdout }: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = ''
    stdout?.on('data', (chunk: Buffer) => {
      printed += chunk.toString()
      const [url] = /http:\/\/127\.0\.0\.1:\d+(?=\s)/.exec(printed) ?? []
      if (url) resolve(url)
    })
    stdout?.on('end', () => reject(new Error(`The demo ended before it was ready:\n${printed}`)))
  })
}

async function post(path: string, body: object): Promise<void> {
  const response = await fetch(`${server}${path}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${apiKey}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${path} returned ${response.status}: ${await response.text()}`)
}

async function put(url: string, body: object): Promise<void> {
  const headers = { 'Content-Type': 'application/json' }
  await fetch(url, { method: 'PUT', headers, body: JSON.stringify(body) })
}

/** All five events of the order and both feeds, so that the picture shows them. */
function untilReceived(sandbox: string): Promise<void> {
  return until('The sandbox did not receive the order', async () => {
    const events = eventsPage.parse(await read(`${sandbox}/sandbox/events?order=${order.id}`))
    const catalog = catalogPage.parse(await read(`${sandbox}/sandbox/catalog`))
    return events.events.length >= 5 && catalog.items.length > 0
  })
}

async function until(failure: string, isDone: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await isDone())) {
    if (Date.now() > deadline) throw new Error(`${failure} in time.`)
    await delay(200)
  }
}

async function read(url: string): Promise<unknown> {
  return (await fetch(url)).json()
}

async function photograph(sandbox: string): Promise<void> {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  })
  try {
    const page = await browser.newPage({ viewport: { width: 1200, height: 900 } })
    await page.goto(`${server}/docs`)
    await page.locator('.opblock').first().waitFor()
    await page.screenshot({ path: join(root, 'docs/images/api.png') })
    for (const colorScheme of ['light', 'dark'] as const) {
      await photographSandbox(browser, sandbox, colorScheme)
      await photographConsole(browser, colorScheme)
    }
  } finally {
    await browser.close()
  }
}

type ColorScheme = 'light' | 'dark'

function fileOf(name: string, colorScheme: ColorScheme): string {
  return join(root, 'docs/images', `${name}${colorScheme === 'dark' ? '-dark' : ''}.png`)
}

async function photographSandbox(browser: Browser, sandbox: string, colorScheme: ColorScheme) {
  const page = await browser.newPage({ viewport: { width: 1200, height: 900 }, colorScheme })
  await page.goto(sandbox)
  const placed = page.locator('summary', { hasText: 'Placed Order' }).filter({ hasText: order.id })
  await placed.click()
  await page.screenshot({ path: fileOf('sandbox', colorScheme) })
}

async function photographConsole(browser: Browser, colorScheme: ColorScheme): Promise<void> {
  const page = await browser.newPage({ viewport: { width: 1200, height: 700 }, colorScheme })
  await page.goto(`${server}/console`)
  await page.fill('#key', apiKey)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL(/\/console(?!\/sign-in)/)
  for (const name of shown[colorScheme]) {
    await page.goto(`${server}/console/${name}`, { waitUntil: 'networkidle' })
    await page.screenshot({ path: fileOf(`console-${name}`, colorScheme) })
  }
}
