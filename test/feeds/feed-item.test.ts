/** One item of a feed: as polls get it, or why they do not. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../support/server.ts'
import { fillGoldenCatalog } from './golden-catalog.ts'
import { poll } from './polls.ts'
import { until } from './until.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ feedsPublic: true, feedMaxDrop: 0.5, feedWaitMs: 15_000 })
  await fillGoldenCatalog(server.database.db)
})
afterAll(() => server.stop())

type View = {
  in_feed: boolean
  reason: string | null
  detail: string | null
  json: string
  xml: string
  findings: { code: string }[]
  last_poll: { at: string; had_item: boolean | null } | null
}

const run = (text: string) => server.database.db.execute(sql.raw(text))
const text = async (file: string) => (await poll(`${server.url}/feeds/${file}`)).text

async function view(id: string, feed = 'products'): Promise<View> {
  const path = `/v1/feeds/${feed}/items/${encodeURIComponent(id)}`
  const { status, body } = await server.ask('GET', path)
  expect(status).toBe(200)
  return body as View
}

test.each(['products', 'stores'])(
  'each item of the %s feed is told as it stands in both files, whatever it holds',
  async (feed) => {
    const json = await text(`${feed}.json`)
    const xml = await text(`${feed}.xml`)
    const items: { $id: string }[] = JSON.parse(json)
    expect(items.length).toBeGreaterThan(2)
    const shown = await Promise.all(items.map(({ $id }) => view($id, feed)))
    const [root, element] = feed === 'products' ? ['Products', 'Product'] : ['Stores', 'Store']
    expect(`[\n${shown.map((one) => one.json).join(',\n')}\n]\n`).toBe(json)
    const head = `<?xml version="1.0" encoding="UTF-8"?>\n<${root}>\n`
    expect(`${head}${shown.map((one) => one.xml).join('\n')}\n</${root}>\n`).toBe(xml)
    for (const one of shown) expect(one.xml).toMatch(new RegExp(`^<${element}><id>`))
  },
)

test('an edit is in it at once, as it is in the next poll', async () => {
  await server.ask('PUT', '/v1/products/edited', { title: 'First', price: 1 })
  expect(JSON.parse((await view('edited')).json)).toMatchObject({ $title: 'First', price: 1 })
  await server.ask('PATCH', '/v1/products/edited', { title: 'Second\n<Product><id>, "x"' })
  const { json, xml, in_feed, reason } = await view('edited')
  expect([in_feed, reason]).toEqual([true, null])
  expect(JSON.parse(json)).toMatchObject({ $title: 'Second\n<Product><id>, "x"' })
  expect(await text('products.json')).toContain(json)
  expect(await text('products.xml')).toContain(xml)
})

test('a metadata key that is named like an element does not break an item in two', async () => {
  await server.ask('PUT', '/v1/products/nested', {
    title: 'Nested',
    metadata: { Product: 'x\ny', Store: '\n' },
  })
  const { xml } = await view('nested')
  expect(xml).toMatch(/^<Product><id>nested<\/id>.*<Product>x\ny<\/Product>.*<\/Product>$/s)
})

test('a long list of ids, which is stored apart, stands in its place', async () => {
  await run(
    `insert into products (id, title) select 'long-' || n, 'Long' from generate_series(1, 4000) n`,
  )
  await run(`insert into stores (id, title) values ('store-long', 'Sells all')`)
  await run(`insert into product_stores (product_id, store_id)
    select id, 'store-long' from products where id like 'long-%'`)
  const { json, xml } = await view('store-long', 'stores')
  expect(JSON.parse(json).product_ids.split(',')).toHaveLength(4000)
  expect(await text('stores.json')).toContain(json)
  expect(await text('stores.xml')).toContain(xml)
  await run(
    `delete from products where id like 'long-%'; delete from stores where id = 'store-long'`,
  )
})

test('what was found in it is told with it', async () => {
  await server.ask('PUT', '/v1/products/bare', { title: 'Alone' })
  const codes = (await view('bare')).findings.map(({ code }) => code)
  expect(codes).toEqual(['no_link', 'no_image', 'no_price', 'sold_nowhere'])
})

test('an unpublished product is not in the feed, and the reason is told', async () => {
  await server.ask('PUT', '/v1/products/hidden', { title: 'Hidden', published: false })
  expect(await view('hidden')).toMatchObject({
    in_feed: false,
    reason: 'unpublished',
    detail: 'The product is not published, so the feed leaves it out.',
    json: null,
    xml: null,
    findings: [],
  })
})

test('of what there never was nothing is told', async () => {
  const answer = await server.ask('GET', '/v1/feeds/stores/items/edited')
  expect(answer).toMatchObject({
    status: 404,
    body: { detail: 'There is no store with the id "edited".' },
  })
})

test('the last poll had the item, or had not, or it is not known', async () => {
  await run(`delete from feed_polls`)
  expect((await view('edited')).last_poll).toBeNull()
  await text('products.json')
  const had = async () => (await view('edited')).last_poll?.had_item
  await until(had, (answer) => answer === true)
  await server.ask('PATCH', '/v1/products/edited', { price: 3 })
  expect(await had()).toBeNull()
  await server.ask('PUT', '/v1/products/new', { title: 'New' })
  expect((await view('new')).last_poll).toMatchObject({ had_item: false })
  await text('products.xml')
  await until(had, (answer) => answer === true)
  expect((await view('new')).last_poll).toMatchObject({ had_item: true })
})

test('a published product that the feed lacks without a change to come is told', async () => {
  await run(`begin; set local session_replication_role = replica;
    insert into products (id, title) values ('silent', 'Silent'); commit`)
  expect(await view('silent')).toMatchObject({ in_feed: false, reason: 'missing' })
  await run(`delete from products where id = 'silent'`)
})

test('a held feed tells what it has still and what it has not yet', async () => {
  const before = await text('products.json')
  const gone = (JSON.parse(before) as { $id: string }[]).filter(({ $id }) => $id !== 'edited')
  await run(`update products set published = false where id <> 'edited'`)
  await server.ask('PUT', '/v1/products/late', { title: 'Late' })
  const [first] = gone
  expect(await view(first?.$id ?? '')).toMatchObject({
    in_feed: true,
    reason: 'held',
    detail: expect.stringContaining('as it was before'),
  })
  expect(await view('late')).toMatchObject({ in_feed: false, reason: 'held', json: null })
  await run(`delete from products where id = 'bare'`)
  expect(await view('bare')).toMatchObject({ in_feed: true, reason: 'held' })
})
