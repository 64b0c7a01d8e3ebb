import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Importing, openImporting } from './importing.ts'

let importing: Importing
beforeAll(async () => {
  importing = await openImporting()
})
afterAll(() => importing.close())
beforeEach(async () => {
  await importing.empty()
  await importing.rows("insert into stores (id, title) values ('s1', 'One'), ('s2', 'Two')")
  await importing.rows(`insert into products (id, title, brand, price, metadata) values
    ('p1', 'Oven', 'Acme', 10, '{"color": "red", "size": 1}'), ('p2', 'Pan', 'Acme', 20, '{}'), ('p3', 'Lid', null, 30, '{}')`)
  await importing.rows(
    "insert into product_stores values ('p1', 's1'), ('p1', 's2'), ('p2', 's1'), ('p3', 's2')",
  )
})

const products = () =>
  importing.rows(
    'select id, title, brand, price::float8, metadata, published from products order by id',
  )
const links = () =>
  importing.rows(
    'select product_id || product_stores.store_id as link from product_stores order by 1',
  )

test('a file that lacks columns empties them, which the summary tells, or with --merge keeps them', async () => {
  const path = await importing.file('products.csv', 'id,title,price,metadata.size\np1,Oven,11,2\n')
  expect(await importing.summaryOf(path, '--dry-run')).toMatchObject({
    updated: 1,
    emptied: { brand: 1, metadata: 1 },
  })
  expect((await importing.runImport(path, '--dry-run')).stdout).toContain(
    'would be emptied, since the file does not say them (--merge keeps them): brand in 1, metadata in 1',
  )
  expect(await importing.summaryOf(path, '--merge')).toMatchObject({ updated: 1, emptied: {} })
  expect((await products())[0]).toEqual({
    ...{ id: 'p1', title: 'Oven', brand: 'Acme', price: 11 },
    ...{ metadata: { color: 'red', size: 2 }, published: true },
  })
  expect(await importing.summaryOf(path, '--merge')).toMatchObject({ updated: 0, unchanged: 1 })
}, 120_000)

test('with --merge an empty cell empties its field, and a new product needs a title', async () => {
  const path = await importing.file('products.csv', 'id,brand,metadata.color\np1,,\np9,New,\n')
  expect(await importing.summaryOf(path, '--merge')).toMatchObject({
    ...{ updated: 1, rejected: 1, emptied: { brand: 1, metadata: 1 } },
    stderr: `${path} line 3: title is missing; there is no product "p9" to change\n`,
  })
  expect((await products())[0]).toMatchObject({ brand: null, price: 10, metadata: { size: 1 } })
}, 120_000)

test('--replace unpublishes what the file lacks, and --remove removes it', async () => {
  const path = await importing.file('products.csv', 'id,title\np1,Oven\np2,Pan\n')
  expect(await importing.summaryOf(path, '--replace', '--dry-run')).toMatchObject({
    unpublished: 1,
  })
  expect(await importing.summaryOf(path, '--replace')).toMatchObject({ unpublished: 1 })
  expect(await products()).toMatchObject([
    { published: true },
    { published: true },
    { published: false },
  ])
  expect(await importing.summaryOf(path, '--replace', '--remove')).toMatchObject({ removed: 1 })
  expect(await products()).toHaveLength(2)
}, 120_000)

test('--replace of more than half needs --yes, and one of a file that cannot be read is refused', async () => {
  const path = await importing.file('products.csv', 'id,title\np1,Changed\n')
  const { stderr } = await importing.summaryOf(path, '--replace')
  expect(stderr).toContain('The file lacks 2 of 3, more than half: they would be unpublished.')
  const broken = await importing.file('products.csv', 'id,title\np1,T\np2,T\np3,T,more\n')
  expect((await importing.summaryOf(broken, '--replace')).stderr).toContain('Line 4 cannot be read')
  expect((await products())[0]).toMatchObject({ title: 'Oven' })
  const again = await importing.file('products.csv', 'id,title\np1,Changed\n')
  expect(await importing.summaryOf(again, '--replace', '--yes')).toMatchObject({ unpublished: 2 })
}, 120_000)

test('availability of the products, or of the stores, becomes what the file says', async () => {
  const path = await importing.file('availability.csv', 'product_id,store_id\np1,s1\np2,s1\n')
  expect((await importing.summaryOf(path, '--replace')).stderr).toContain('--of products')
  await importing.summaryOf(path, '--replace', '--of', 'products')
  expect(await links()).toEqual(['p1s1', 'p2s1', 'p3s2'].map((link) => ({ link })))
  const store = await importing.file('availability.csv', 'product_id,store_id\np2,s1\n')
  expect(await importing.summaryOf(store, '--replace', '--of', 'stores')).toMatchObject({
    removed: 1,
  })
  expect(await links()).toEqual(['p2s1', 'p3s2'].map((link) => ({ link })))
}, 120_000)
