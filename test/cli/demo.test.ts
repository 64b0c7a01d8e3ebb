import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { type Running, start } from './command-line.ts'

let dataDir: string
const started: Running[] = []
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'storefeed-demo-'))
})
afterAll(async () => {
  await Promise.all(started.map((demo) => demo.end()))
  await rm(dataDir, { recursive: true, force: true })
})

function startDemo(settings: Record<string, string> = {}): Running {
  const demo = start(['demo'], { DATA_DIR: dataDir, FEED_WAIT: '60s', ...settings })
  started.push(demo)
  return demo
}

/** What the welcome message lists, once every address in it responds. */
async function tour(demo: Running): Promise<{ feed: string; url: string; key: string }> {
  const [, feed = ''] = await demo.printed(/Product feed +(\S+)/)
  const [, key = ''] = await demo.printed(/API key +(\S+)/)
  await demo.printed(/Ctrl-C stops it/)
  const url = new URL(feed).origin
  const products = (await (await fetch(feed)).json()) as unknown[]
  expect(products.length).toBeGreaterThanOrEqual(40)
  const stores = await fetch(feed.replace('products.json', 'stores.xml'))
  expect((await stores.text()).match(/<Store>/g)?.length).toBeGreaterThanOrEqual(6)
  const headers = { Authorization: `Bearer ${key}` }
  expect((await fetch(`${url}/v1/products/1111`, { headers })).status).toBe(200)
  expect((await fetch(`${url}/docs`)).status).toBe(200)
  await expectPictures(url, headers)
  return { feed, url, key }
}

/** Absolute, as Klaviyo needs them. Of demos that share a database the one that started last serves them. */
async function expectPictures(url: string, headers: Record<string, string>): Promise<void> {
  for (const path of ['products/1111', 'stores/1212']) {
    const record = await (await fetch(`${url}/v1/${path}`, { headers })).json()
    const { image_link } = record as { image_link: string }
    expect(image_link).toMatch(new RegExp(`^http://[^/]+/demo/pictures/${path}\\.svg$`))
    const picture = await fetch(`${url}${new URL(image_link).pathname}`)
    expect(picture.headers.get('Content-Type')).toBe('image/svg+xml')
    expect(await picture.text()).toMatch(/^<svg /)
  }
  expect((await fetch(`${url}/demo/pictures/products/9.svg`)).status).toBe(404)
}

/** The process of the embedded Postgres; undefined when none runs. */
async function postgresPid(): Promise<number | undefined> {
  const path = join(dataDir, 'postgres', 'postmaster.pid')
  const text = await readFile(path, 'utf8').catch(() => '')
  return Number(text.split('\n')[0]) || undefined
}

test('the demo serves its catalog, keeps changes, and shares its Postgres', async () => {
  const first = startDemo()
  const { url, key } = await tour(first)
  const headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' }
  const body = JSON.stringify({ title: 'Changed by me' })
  await fetch(`${url}/v1/products/1111`, { method: 'PATCH', headers, body })
  expect(await first.end()).toMatchObject({ code: 0, stderr: '' })
  expect(await postgresPid()).toBeUndefined()

  // A killed demo leaves its Postgres running, and the next ones take it over.
  const second = startDemo()
  await tour(second)
  const abandoned = await postgresPid()
  await second.end('SIGKILL')
  const both = [startDemo(), startDemo()]
  const [one, other] = await Promise.all(both.map(tour))
  expect(await postgresPid()).toBe(abandoned)
  expect(one?.key).toBe(key)
  expect(other?.key).toBe(key)
  const kept = await fetch(`${one?.url}/v1/products/1111`, { headers })
  expect(await kept.json()).toMatchObject({ title: 'Changed by me' })
  expect(await Promise.all(both.map((demo) => demo.end()))).toMatchObject([
    { code: 0, stderr: '' },
    { code: 0, stderr: '' },
  ])
  expect(await postgresPid()).toBeUndefined()
}, 120_000)

test('with DATABASE_URL the demo fills that database instead', async () => {
  const database = await createTestDatabase()
  try {
    const demo = startDemo({ DATABASE_URL: database.url, API_KEY: 'key-of-my-own-choice' })
    expect((await tour(demo)).key).toBe('key-of-my-own-choice')
    expect(await demo.end()).toMatchObject({ code: 0, stderr: '' })
  } finally {
    await database.close()
  }
})
