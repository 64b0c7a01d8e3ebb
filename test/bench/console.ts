/** The bench of the console: the first rows of Products in a browser that keeps nothing, beside the request that the page makes. */
import type { Browser } from 'playwright-core'
import { signIn } from '../console/console.ts'
import { launch } from '../support/browser.ts'
import { makeCatalog } from './catalog.ts'
import { timed } from './feed-builds.ts'
import { median, printTable, rowOf } from './table.ts'
import { type BenchServer, withWorkbench } from './workbench.ts'

const rounds = 9

export async function benchConsole(sizes: number[]): Promise<void> {
  const browser = await launch()
  try {
    for (const products of sizes) await benchSize(browser, products)
  } finally {
    await browser.close()
  }
}

async function benchSize(browser: Browser, products: number): Promise<void> {
  const measured = await withWorkbench(async (bench) => {
    await makeCatalog(bench.db, products)
    const server = await bench.startServer()
    const pages: number[] = []
    const requests: number[] = []
    for (let round = 0; round < rounds; round++) {
      requests.push(await timed(() => request(server)))
      pages.push(await firstRows(browser, server))
    }
    return { page: median(pages), request: median(requests) }
  })
  const allowed = 2 * measured.request + 300
  printTable(`console, ${products} products`, [
    rowOf('GET /v1/products?limit=50, median ms', measured.request, measured.request, ''),
    rowOf(
      'first rows of Products, median ms (twice that and 300)',
      measured.page,
      allowed,
      '<= 1.0',
    ),
  ])
}

async function request({ url, key }: BenchServer): Promise<void> {
  const response = await fetch(`${url}/v1/products?limit=50`, {
    headers: { Authorization: `Bearer ${key}` },
  })
  await response.text()
  if (response.status !== 200) throw new Error(`${url} answers ${response.status}`)
}

/** Within the page: a locator is looked for every half second only. What follows a frame comes after it is drawn. */
const watchFirstRows = `
  window.drawn = new Promise((resolve) =>
    new MutationObserver((_, observer) => {
      if (!document.querySelector('.grid tbody tr')) return
      observer.disconnect()
      requestAnimationFrame(() => setTimeout(resolve))
    }).observe(document, { childList: true, subtree: true }))`

/** In a context of its own, so that no file is there yet; signing in is not measured. */
async function firstRows(browser: Browser, server: BenchServer): Promise<number> {
  const { page } = await signIn(browser, server)
  const session = await page.context().storageState()
  await page.context().close()
  const context = await browser.newContext({ storageState: session })
  const cold = await context.newPage()
  await cold.addInitScript(watchFirstRows)
  try {
    return await timed(async () => {
      await cold.goto(`${server.url}/console/products`, { waitUntil: 'commit' })
      await cold.evaluate('drawn')
    })
  } finally {
    await context.close()
  }
}
