import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { run } from '../cli/command-line.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
let folder: string
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.close())
beforeEach(async () => {
  await database.db.execute(sql`truncate products, stores, customers, orders, outbox cascade`)
  await database.db.execute(sql`insert into stores (id, title) values ('s1', 'One'), ('s2', 'Two')`)
  folder = await mkdtemp(join(tmpdir(), 'storefeed-import-test-'))
  return () => rm(folder, { recursive: true, force: true })
})

async function file(name: string, content: string | Buffer): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, content)
  return path
}

const runImport = (args: string[], stdin?: string | Buffer) =>
  run(['import', ...args], { DATABASE_URL: database.url }, stdin)

async function rows(query: string): Promise<unknown[]> {
  return [...(await database.db.execute(sql.raw(query)))]
}

const countProducts = () => rows('select count(*)::int as count from products')

test('a table of products becomes products, and importing it again changes nothing', async () => {
  const path = await file(
    'products.csv',
    [
      'id,title,price,categories,in_store_only,metadata.color,metadata.size,store_ids',
      'p1,"8 quart, ""Dutch"" Oven",330.00,"Kitchen, Cast iron",TRUE,red,12,s1|s2',
      'p2,Baster,,"[""Pots, Pans""]",,,,',
    ].join('\n'),
  )
  expect(await runImport([path])).toMatchObject({
    code: 0,
    stdout: `${path}, products: 2 created, 0 updated, 0 unchanged\n`,
  })
  const select = `select id, title, price::float8, categories, in_store_only, metadata,
    array(select store_id from product_stores where product_id = id order by 1) as store_ids from products order by id`
  expect(await rows(select)).toEqual([
    {
      id: 'p1',
      title: '8 quart, "Dutch" Oven',
      price: 330,
      categories: ['Kitchen', 'Cast iron'],
      in_store_only: true,
      metadata: { color: 'red', size: 12 },
      store_ids: ['s1', 's2'],
    },
    {
      id: 'p2',
      title: 'Baster',
      price: null,
      categories: ['Pots, Pans'],
      in_store_only: false,
      metadata: {},
      store_ids: [],
    },
  ])
  expect((await runImport([path])).stdout).toContain('0 created, 0 updated, 2 unchanged')
  expect(await readdir(folder)).toEqual(['products.csv'])
})

test('invalid rows go to a rejects file with line and reason, the others are written, and the corrected file is imported', async () => {
  await rows("insert into products (id, title) values ('shared', 'A product')")
  const path = await file(
    'stores.csv.gz',
    gzipSync(
      'id,title,latitude\na,A,1\nb,,2\nc,C,north\n"d","D\nD",91\nshared,S,\ne,E,1,2\nf,F,3\n',
    ),
  )
  const first = await runImport([path])
  expect(first).toMatchObject({ code: 2 })
  expect(first.stdout).toContain(
    `2 created, 0 updated, 0 unchanged, 5 rejected (${path}.rejects.csv)`,
  )
  const rejects = `${path}.rejects.csv`
  expect((await readFile(rejects, 'utf8')).split('\n').sort()).toEqual(
    [
      '"line","reason","id","title","latitude"',
      '"3","title is missing","b","","2"',
      '"4","latitude must be a number, got ""north""","c","C","north"',
      '"5","latitude must be at most 90, got 91","d","D',
      'D","91"',
      '"7","id ""shared"" is used by a product","shared","S",""',
      '"8","the row has 4 cells, the header 3","e","E","1","2"',
      '',
    ].sort(),
  )
  const corrected = await file(
    'stores-again.csv',
    'line,reason,id,title,latitude\n3,title is missing,b,B,2\n',
  )
  expect(await runImport([corrected])).toMatchObject({ code: 0 })
  expect(await rows("select id from stores where id < 's' order by id")).toEqual(
    ['a', 'b', 'f'].map((id) => ({ id })),
  )
})

test('files are written in the order in which they depend on one another; unknown ids are rejected', async () => {
  const paths = [
    await file('availability.csv', 'product_id,store_id\np1,s9\np1,s1\np1,s1\np2,s1\np1,s8\n'),
    await file('products.ndjson', '\ufeff{"id":"p1","title":"One","metadata":{"n":1}}\n\n'),
    await file('stores.csv', 'id;title\r\ns9;Nine\r\n'),
  ]
  const { code, stdout, stderr } = await runImport([...paths, '--json'])
  expect(code).toBe(2)
  const counts = { created: 0, updated: 0, unchanged: 0, skipped: 0, rejected: 0 }
  const zero = { ...counts, emptied: {}, rejects: null, notes: [] }
  expect(JSON.parse(stdout)).toEqual({
    dry_run: false,
    stopped: false,
    files: [
      { file: paths[2], kind: 'stores', ...zero, created: 1 },
      { file: paths[1], kind: 'products', ...zero, created: 1 },
      {
        file: paths[0],
        kind: 'availability',
        ...zero,
        created: 2,
        unchanged: 1,
        rejected: 2,
        rejects: `${paths[0]}.rejects.csv`,
      },
    ],
  })
  expect(stderr).toContain('line 5: product_id: there is no product with the id "p2"')
  expect(stderr).toContain('line 6: store_id: there is no store with the id "s8"')
})

test('customers, orders with items, their updates and visits come from tables, once', async () => {
  await rows("insert into products (id, title, price, sku) values ('p1', 'Oven', 330, 'S1')")
  const paths = [
    await file(
      'customers.csv',
      'id,email,first_name,metadata.vip\nc1,ada@klaviyo-demo.com,Ada,true\nc2,,Nobody,\n,,Stranger,\n',
    ),
    await file(
      'orders.csv',
      [
        'id,placed_at,store_id,total,customer.email,billing_address.city,items.product_id,items.quantity',
        'o1,2025-12-17T17:47:03Z,s1,336,ada@klaviyo-demo.com,Boston,p1,1',
        'o1,,,336,,,p9,2',
        'o2,17/12/2025,s1,1,bob@klaviyo-demo.com,,p1,1',
        'o3,2025-12-17T17:47:03Z,s7,1,bob@klaviyo-demo.com,,p1,1',
        'o4,2025-12-17T17:47:03Z,s1,1,bob@klaviyo-demo.com,,p1,1',
        'o4,2025-12-17T17:47:03Z,s1,2,bob@klaviyo-demo.com,,p1,1',
      ].join('\n'),
    ),
    await file(
      'order-updates.csv',
      [
        'order_id,kind,id,occurred_at,tracking_number,items.line,items.quantity',
        'o1,fulfilled,f1,2025-12-18T00:00:00Z,T1,1,',
        'o1,fulfilled,f1,2025-12-18T00:00:00Z,T1,2,1',
        'o1,refunded,r1,2025-12-19T00:00:00Z,,,',
        'o1,lost,x1,2025-12-19T00:00:00Z,,,',
        'o9,refunded,r1,2025-12-19T00:00:00Z,,,',
        'o1,refunded,r2,2025-12-19T00:00:00Z,,2,7',
      ].join('\n'),
    ),
    await file(
      'visits.csv',
      'customer.id,store_id,at\nc1,s2,2025-12-20T00:00:00Z\nc1,s2,2025-12-20T00:00:00Z\nc1,s7,2025-12-20T00:00:00Z\n',
    ),
  ]
  const summaries = async () => JSON.parse((await runImport([...paths, '--json'])).stdout).files
  expect(await summaries()).toMatchObject([
    { kind: 'customers', created: 2, rejected: 1 },
    { kind: 'orders', created: 2, rejected: 2 },
    { kind: 'order-updates', created: 2, rejected: 3 },
    { kind: 'visits', created: 2, unchanged: 1, rejected: 0 },
  ])
  expect(await readFile(`${paths[1]}.rejects.csv`, 'utf8')).toContain(
    '"4","placed_at must be a time with an offset (--timezone Europe/Berlin for times without one), such as 2026-01-31T09:30:00Z (--dates dd.mm.yyyy for other dates), got ""17/12/2025"""',
  )
  expect(await readFile(`${paths[1]}.rejects.csv`, 'utf8')).toContain(
    '"6","total differs between rows of the same id","o4"',
  )
  expect(
    await rows(
      "select customer_id, product_id, quantity::float8, product_name from orders join order_items on order_id = orders.id where orders.id = 'o1' order by line",
    ),
  ).toEqual([
    { customer_id: 'c1', product_id: 'p1', quantity: 1, product_name: 'Oven' },
    { customer_id: 'c1', product_id: 'p9', quantity: 2, product_name: null },
  ])
  expect(await rows('select id, items from order_updates order by id')).toEqual([
    {
      id: 'f1',
      items: [
        { line: 1, quantity: 1 },
        { line: 2, quantity: 1 },
      ],
    },
    { id: 'r1', items: null },
  ])
  const messages = await rows('select metric, unique_id from outbox order by id')
  expect(await summaries()).toMatchObject([
    { created: 0, unchanged: 2 },
    { created: 0, unchanged: 2 },
    { created: 0, unchanged: 2 },
    { created: 0, unchanged: 3 },
  ])
  expect(await rows('select metric, unique_id from outbox order by id')).toEqual(messages)
})

test('a row that only the database rejects costs no other row', async () => {
  await rows("insert into customers (id, email) values ('c0', 'taken@klaviyo-demo.com')")
  const lines = Array.from({ length: 50 }, (_, n) =>
    JSON.stringify({
      id: `n${n}`,
      email: n === 31 ? 'taken@klaviyo-demo.com' : `n${n}@klaviyo-demo.com`,
    }),
  )
  const path = await file('customers.ndjson', lines.join('\n'))
  expect(await runImport([path])).toMatchObject({
    code: 2,
    stderr: `${path} line 32: customer.email is the e-mail of a customer with another id\n`,
  })
  expect(await readFile(`${path}.rejects.ndjson`, 'utf8')).toBe(
    '{"line":32,"reason":"customer.email is the e-mail of a customer with another id","id":"n31","email":"taken@klaviyo-demo.com"}\n',
  )
  expect(await rows('select count(*)::int as count from customers')).toEqual([{ count: 50 }])
})

test('a dry run reports what would happen and writes nothing, no rejects file either', async () => {
  await rows("insert into products (id, title) values ('p1', 'Old')")
  const path = await file('products.csv', 'id,title,store_ids\np1,New,\np2,Two,s1\np3,Three,s9\n')
  expect(await runImport([path, '--dry-run'])).toMatchObject({
    code: 2,
    stdout: `${path}, products: 1 would be created, 1 updated, 0 unchanged, 1 rejected\n`,
    stderr: `${path} line 4: store_ids: there is no store with the id "s9"\n`,
  })
  expect(await rows('select id, title from products')).toEqual([{ id: 'p1', title: 'Old' }])
  expect(await readdir(folder)).toEqual(['products.csv'])
})

test('a Shopify export is mapped as its example says, from standard input', async () => {
  const csv = [
    'Handle,Title,Body (HTML),Vendor,Tags,Variant SKU,Variant Price,Image Src,Status',
    'oven,Oven,<p>Hot</p>,Le Creuset,"kitchen, iron",LC-8,330.00,https://cdn.example/1.jpg,active',
    'oven,,,,,LC-9,350.00,https://cdn.example/2.jpg,',
  ].join('\r\n')
  const maps = [
    'Handle=id',
    'Title=title',
    'Body (HTML)=description',
    'Vendor=brand',
    'Tags=categories',
    'Variant SKU=sku',
    'Variant Price=price',
    'Image Src=image_link',
  ].flatMap((map) => ['--map', map])
  const more = ['--skip-unknown', '--skip-blank', 'Title', '--kind', 'products']
  const set = ['--set', 'link=https://shop.example/products/{Handle}']
  expect(await runImport(['-', ...maps, ...more, ...set], gzipSync(csv))).toMatchObject({
    code: 0,
    stdout: 'standard input, products: 1 created, 0 updated, 0 unchanged, 1 skipped\n',
  })
  expect(await rows('select id, sku, price::float8, link, categories from products')).toEqual([
    {
      id: 'oven',
      sku: 'LC-8',
      price: 330,
      link: 'https://shop.example/products/oven',
      categories: ['kitchen', 'iron'],
    },
  ])
})

const many = `id,title\n${Array.from({ length: 9_000 }, (_, n) => `p${n},Product ${(n * 7919) % 9_001}\n`).join('')}`

test.each<[string, string | Buffer, string[], string]>([
  ['p.csv', gzipSync(many).subarray(0, 20_000), [], 'is truncated: the gzip stream has no end.'],
  [
    'p.csv',
    Buffer.concat([Buffer.from(`${many}é`), Buffer.from([0xe9, 0x0a])]),
    [],
    'is not UTF-8 text: line 9002 is damaged. Save it as UTF-8, or name its encoding with --encoding.',
  ],
  [
    'p.csv',
    Buffer.from(many),
    ['--encoding', 'utf-16le'],
    'is not UTF-16LE text: name its encoding with --encoding.',
  ],
  [
    'p.csv',
    `${many}p,"open\n`,
    [],
    'is not a valid CSV file: a double quote that opens a cell on line 9002 is not closed.',
  ],
  ['p.csv', 'id,price\np1,1\n', [], 'has no column "title". Rename a column with --map'],
  ['p.csv', 'id,title,id\np1,T,p2\n', [], 'has two columns named "id".'],
  ['p.csv', 'id,title,name\np1,T,N\n', ['--map', 'name=title'], 'has two columns for "title".'],
  ['p.csv', 'id,title,colour\np1,T,red\n', [], 'has an unknown column "colour".'],
  [
    'p.csv',
    'id,title\np1,T\n',
    ['--map', 'Name=title'],
    'has no column "Name". Its columns: id, title.',
  ],
  ['p.csv', 'id,title\np1,T\n', ['--set', 'link=https://x/{slug}'], 'has no column "slug".'],
  ['p.csv', '', [], 'is empty.'],
  ['p.json', '[{"id":"p1"}]', [], 'is a JSON array: write one object per line (NDJSON).'],
])(
  '%s that cannot be imported is reported in one line, and nothing is written (%#)',
  async (name, content, args, message) => {
    const path = await file(name, content)
    const { code, stdout, stderr } = await runImport([path, '--kind', 'products', ...args])
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
    expect(stderr).toContain(`${path} ${message}`)
    expect(await countProducts()).toEqual([{ count: 0 }])
  },
)

test('a file whose name does not say its kind needs --kind, and a missing file is reported', async () => {
  const path = await file('list.csv', 'id,title\np1,T\n')
  expect((await runImport([path])).stderr).toContain('add --kind, one of stores, products')
  expect((await runImport([join(folder, 'products.csv')])).stderr).toContain('does not exist.')
})
