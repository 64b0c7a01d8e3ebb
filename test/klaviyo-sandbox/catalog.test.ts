import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import { createCatalog, replaceItems } from '../../src/klaviyo-sandbox/account/catalog.ts'
import type { RunningSandbox } from '../../src/klaviyo-sandbox/listen.ts'
import { control, list, openSandbox } from './klaviyo-requests.ts'

const OVEN = {
  $id: '1111',
  $title: '8 quart Dutch Oven',
  $link: 'https://shop.klaviyo-demo.com/1111',
  $description: 'Cast iron',
  price: 330,
  $image_link: 'https://shop.klaviyo-demo.com/1111.png',
  categories: ['Kitchen Supplies', 'Cooking'],
  store_ids: '1212,1213',
}
const BASTER = { ...OVEN, $id: '1112', $title: 'Turkey Baster', price: 5.99 }

const XML = `<?xml version="1.0" encoding="UTF-8"?>
<Products><Product><id>1111</id><title>8 quart Dutch &amp; French Oven</title><link>n/a</link><description>Cast iron</description><price>330</price><image_link>n/a</image_link><categories>Kitchen Supplies,Cooking</categories><store_ids>1212,1213</store_ids></Product></Products>`

/** Serves until the test ends. */
async function serveFeed(listener: RequestListener) {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new Error('not listening')
  return `http://127.0.0.1:${address.port}/feed`
}

function serveJson(json: unknown) {
  return serveFeed((_request, response) => void response.end(JSON.stringify(json)))
}

async function importFeed(sandbox: RunningSandbox, url: string) {
  const response = await control(sandbox, 'POST', '/sandbox/catalog/import', { url })
  return { status: response.status, report: await response.json() }
}

test('a JSON feed is imported with Klaviyo’s field names', async () => {
  const sandbox = await openSandbox()
  let userAgent: string | undefined
  const url = await serveFeed((request, response) => {
    userAgent = request.headers['user-agent']
    response.end(JSON.stringify([OVEN, BASTER]))
  })
  expect(await importFeed(sandbox, url)).toMatchObject({
    status: 200,
    report: { url, error: null, imported: 2, ignored: 0, warnings: [] },
  })
  expect(userAgent).toBe('Klaviyo/1.0')
  const items = await list(sandbox, '/sandbox/catalog')
  expect(items[0]).toEqual({
    source: url,
    id: '1111',
    title: '8 quart Dutch Oven',
    link: 'https://shop.klaviyo-demo.com/1111',
    description: 'Cast iron',
    price: 330,
    image_link: 'https://shop.klaviyo-demo.com/1111.png',
    categories: ['Kitchen Supplies', 'Cooking'],
    store_ids: '1212,1213',
  })
})

test('an XML feed gives the same item', async () => {
  const sandbox = await openSandbox()
  const url = await serveFeed((_request, response) => void response.end(XML))
  expect(await importFeed(sandbox, url)).toMatchObject({ status: 200, report: { imported: 1 } })
  expect(await list(sandbox, '/sandbox/catalog')).toMatchObject([
    {
      id: '1111',
      title: '8 quart Dutch & French Oven',
      price: 330,
      categories: ['Kitchen Supplies', 'Cooking'],
      store_ids: '1212,1213',
    },
  ])
})

test('items that violate Klaviyo’s rules are ignored, each with a reason', async () => {
  const sandbox = await openSandbox()
  const url = await serveJson([
    OVEN,
    { ...OVEN, $id: '1', $description: '' },
    { ...OVEN, $id: '2', $image_link: '   ' },
    { ...OVEN, $id: 3 },
    { ...OVEN, $id: '4', price: '330.00' },
    { ...OVEN, $id: '5', categories: 'Kitchen Supplies,Cooking' },
    { ...OVEN, $id: '6', dimensions: { width: 30 } },
    { ...OVEN, $title: 'Again' },
    'text',
  ])
  expect((await importFeed(sandbox, url)).report).toMatchObject({
    imported: 1,
    ignored: 8,
    ignored_items: [
      { index: 1, id: '1', reason: 'description is missing, blank or not a text' },
      { index: 2, id: '2', reason: 'image_link is missing, blank or not a text' },
      { index: 3, id: '3', reason: 'id is missing, blank or not a text' },
      { index: 4, id: '4', reason: 'price is not a number' },
      { index: 5, id: '5', reason: 'categories is not a list of texts' },
      { index: 6, id: '6', reason: 'dimensions is nested: a feed is one node deep' },
      { index: 7, id: '1111', reason: 'id is used twice in the account' },
      { index: 8, id: '', reason: 'id is missing, blank or not a text' },
    ],
  })
})

test('an import replaces the items of its own source only', async () => {
  const sandbox = await openSandbox()
  const feed = [OVEN, BASTER]
  const products = await serveFeed((_request, response) => void response.end(JSON.stringify(feed)))
  const stores = await serveJson([{ ...OVEN, $id: '1212', $title: 'Boston' }, OVEN])
  await importFeed(sandbox, products)
  expect((await importFeed(sandbox, stores)).report).toMatchObject({ imported: 1, ignored: 1 })
  feed.pop()
  await importFeed(sandbox, products)
  const ids = (await list(sandbox, '/sandbox/catalog')).map((item) => item.id)
  expect(ids.sort()).toEqual(['1111', '1212'])
})

test('a feed that cannot be imported leaves the catalog unchanged, and the report says why', async () => {
  const sandbox = await openSandbox()
  let respond: RequestListener = (_request, response) => void response.end(JSON.stringify([OVEN]))
  const url = await serveFeed((request, response) => respond(request, response))
  await importFeed(sandbox, url)
  const broken: [RequestListener, RegExp][] = [
    [(_, response) => void response.end('{"data": []}'), /bare array/],
    [(_, response) => void response.end('[{"$id": "1"'), /neither JSON nor XML/],
    [(_, response) => void response.end('<Products><Product></Products>'), /well-formed/],
    [(_, response) => void response.writeHead(302, { location: '/other' }).end(), /redirects/],
    [(_, response) => void response.writeHead(500).end(), /answered 500/],
    [(_, response) => void response.destroy(), /./],
  ]
  for (const [listener, error] of broken) {
    respond = listener
    expect(await importFeed(sandbox, url)).toMatchObject({
      status: 422,
      report: { error: expect.stringMatching(error), imported: 0 },
    })
  }
  expect(await list(sandbox, '/sandbox/catalog')).toHaveLength(1)
})

test('a feed of more than 100 MB is not imported; one of more than 50 MB has a warning', async () => {
  const sandbox = await openSandbox()
  const padding = Buffer.alloc(1_000_000, ' ')
  let megabytes = 101
  const url = await serveFeed((_request, response) => {
    for (let sent = 0; sent < megabytes; sent++) response.write(padding)
    response.end('[]')
  })
  expect((await importFeed(sandbox, url)).report).toMatchObject({
    error: expect.stringContaining('100 MB'),
  })
  megabytes = 51
  expect((await importFeed(sandbox, url)).report).toMatchObject({
    error: null,
    warnings: [expect.stringContaining('50 MB')],
  })
})

test('an account may have 250,000 items and 2,500 categories', () => {
  const item = { title: 'T', link: 'n/a', description: 'n/a', image_link: 'n/a' }
  const items = Array.from({ length: 250_001 }, (_, index) => ({ ...item, id: String(index) }))
  expect(replaceItems(createCatalog(), 'feed', items)).toMatchObject({
    imported: 250_000,
    reasons: { 'the account holds 250000 items already': 1 },
  })
  const categorised = items
    .slice(0, 2_502)
    .map((one, index) => ({ ...one, categories: [`c${index % 2_501}`] }))
  expect(replaceItems(createCatalog(), 'feed', categorised)).toMatchObject({
    imported: 2_501,
    reasons: { 'the account holds 2500 categories already': 1 },
  })
})
