import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run } from '../cli/command-line.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let from: TestDatabase
let to: TestDatabase
let folder: string
beforeAll(async () => {
  from = await createTestDatabase()
  to = await createTestDatabase()
  folder = await mkdtemp(join(tmpdir(), 'storefeed-export-test-'))
  await fill()
})
afterAll(async () => {
  await Promise.all([from.close(), to.close()])
  await rm(folder, { recursive: true, force: true })
})

const awkward = [
  'plain',
  'comma, "quote"\nnewline\r\nand | bar',
  '=HYPERLINK("http://evil")',
  '-1+1',
  '@cmd',
  '+44',
  '\tTab',
  "'",
  "''",
  "'=1",
  "'tis",
  'Crème brûlée 🍮 日本語',
  '  spaces  ',
  '[1]',
  '"quoted"',
  'true',
  '12',
  '-5',
  '007',
  'null',
  '1e3',
  "'02116",
  '="00123"',
  `a line\n${','.repeat(20)}\nend`,
]

/** Every awkward text in every kind of field; a few records have empty values or none. */
async function fill(): Promise<void> {
  const { db } = from
  for (const [n, text] of awkward.entries()) {
    const metadata = JSON.stringify({
      text,
      number: n - 3.5,
      flag: n % 2 === 0,
      [`only_${n}`]: text,
    })
    const categories = JSON.stringify(
      n === 0 ? [] : [text, 'Pots, Pans', ...(n % 2 ? ['a|b'] : [])],
    )
    await db.execute(sql`
      insert into products (id, title, description, brand, price, inventory_quantity, inventory_policy, published, in_store_only, categories, metadata)
      select 'p' || ${n}::int, ${text}, ${text}, null, ${n / 4}::numeric, ${n}::int, 2, ${n % 3 > 0}, ${n % 2 > 0}, array(select jsonb_array_elements_text(${categories}::jsonb)), ${metadata}::jsonb`)
    await db.execute(sql`
      insert into stores (id, title, city, latitude, longitude, metadata)
      values ('s' || ${n}::int, ${text}, ${text}, ${-n / 7}, ${n}, ${metadata}::jsonb)`)
  }
  await db.execute(sql`
    insert into products (id, title, description, brand, metadata) values ('=1+1', 'Nothing else', '', '', '{"empty": ""}')`)
  await db.execute(
    sql`insert into products (id, title, categories, gtin) values ('-', 'x', '{""}', '036000291452')`,
  )
  await db.execute(
    sql`insert into products (id, title) select 'many' || n, 'T' from generate_series(1, 2500) n`,
  )
  await db.execute(
    sql`insert into product_stores select p.id, s.id from products p, stores s where p.id not like 'many%'`,
  )
}

const contents = async ({ db }: TestDatabase) => ({
  products: await db.execute(sql`
    select id, sku, title, description, link, image_link, price, categories, brand, gtin, in_store_only, published, inventory_quantity, inventory_policy, metadata from products order by id`),
  stores: await db.execute(sql`
    select id, title, location, description, link, categories, city, latitude, longitude, published, metadata from stores order by id`),
  links: await db.execute(sql`select product_id, store_id from product_stores order by 1, 2`),
})

test.each(['csv', 'ndjson'])(
  'a catalog exported as %s and imported elsewhere is the same',
  async (format) => {
    await to.db.execute(sql`truncate products, stores cascade`)
    const paths = ['stores', 'products', 'availability'].map((name) =>
      join(folder, `${name}.${format}`),
    )
    for (const [place, name] of ['stores', 'products', 'availability'].entries()) {
      const written = await run(['export', name, '--format', format, '--out', paths[place] ?? ''], {
        DATABASE_URL: from.url,
      })
      expect(written).toMatchObject({ code: 0, stdout: '', stderr: '' })
    }
    const read = await run(['import', ...paths], { DATABASE_URL: to.url })
    expect(read).toMatchObject({ code: 0, stderr: '' })
    expect(await contents(to)).toEqual(await contents(from))
    const again = await run(['import', ...paths, '--json'], { DATABASE_URL: from.url })
    expect(JSON.parse(again.stdout).files).toMatchObject([
      { created: 0, updated: 0 },
      { created: 0, updated: 0 },
      { created: 0, updated: 0 },
    ])
  },
)

test('no cell of an export is a formula', async () => {
  await run(['export', 'products', '--out', join(folder, 'safe.csv')], { DATABASE_URL: from.url })
  const text = await readFile(join(folder, 'safe.csv'), 'utf8')
  expect(text.match(/(^|,|\n)"?[=+@\t]/g)).toBeNull()
  expect(text).toContain(`"'=HYPERLINK(""http://evil"")"`)
})

test('availability goes to standard output, and a path that cannot be written is reported', async () => {
  const environment = { DATABASE_URL: from.url }
  const { stdout, code } = await run(['export', 'availability'], environment)
  expect(code).toBe(0)
  expect(stdout.split('\n').slice(0, 2)).toEqual(['"product_id","store_id"', `"'-","s0"`])
  const out = join(folder, 'none', 'x.csv')
  expect(await run(['export', 'stores', '--out', out], environment)).toMatchObject({
    code: 1,
    stderr: `${out} cannot be written (ENOENT).\n`,
  })
})
