import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { run } from '../cli/command-line.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
let folder: string
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.close())
beforeEach(async () => {
  await database.db.execute(sql`truncate products cascade`)
  folder = await mkdtemp(join(tmpdir(), 'storefeed-rejects-test-'))
  return () => rm(folder, { recursive: true, force: true })
})

const importing = async (path: string, ...more: string[]) =>
  JSON.parse(
    (
      await run(['import', path, '--kind', 'products', '--json', ...more], {
        DATABASE_URL: database.url,
      })
    ).stdout,
  ).files[0]

async function countProducts(): Promise<number | undefined> {
  const [row] = await database.db.execute<{ count: number }>(
    sql`select count(*)::int as count from products`,
  )
  return row?.count
}

test.each([
  [
    'csv',
    'id,title,price\np0,Fine,1\np1,,1\np2,Two,"x, y"\n',
    (first: number) =>
      `"line","reason","id","title","price"\n"${first}","title is missing","p1","","1"\n"${first + 1}","price must be a number, got ""x, y""","p2","Two","x, y"\n`,
  ],
  [
    'ndjson',
    '{"id":"p0","title":"Fine"}\n{"id":"p1"}\n{ "id": "p2", "title": "Two", "price": 1e400 }\n',
    (first: number) =>
      `{"line":${first},"reason":"title is missing","id":"p1"}\n{"line":${first + 1},"reason":"price must be a number, got Infinity", "id": "p2", "title": "Two", "price": 1e400 }\n`,
  ],
])(
  'what a file of rejects rejects again (%s) has one line and one reason: those of that file',
  async (format, content, rejects) => {
    const path = join(folder, `products.${format}`)
    await writeFile(path, content)
    const first = `${path}.rejects.${format}`
    expect(await importing(path)).toMatchObject({ created: 1, rejected: 2, rejects: first })
    expect(await readFile(first, 'utf8')).toBe(rejects(format === 'csv' ? 3 : 2))
    const again = `${first}.rejects.${format}`
    expect(await importing(first)).toMatchObject({ created: 0, rejected: 2, rejects: again })
    expect(await readFile(again, 'utf8')).toBe(rejects(format === 'csv' ? 2 : 1))
  },
)

/** A rule of the shop's own, which only its database knows: it spoils the transaction that it is broken in. */
async function refuseBadBrands(): Promise<void> {
  await database.db.execute(
    sql`alter table products add constraint no_bad_brand check (brand is distinct from 'Bad')`,
  )
  onTestFinished(async () => {
    await database.db.execute(sql`alter table products drop constraint no_bad_brand`)
  })
}

test('rows that only the database rejects are reported by their lines, in either half of a batch and in the next one', async () => {
  await refuseBadBrands()
  const invalid = new Set([0, 1, 300, 501, 502, 999, 1_000, 1_001, 1_100, 1_199])
  const faulty = new Set([7, 1_050])
  const rows = Array.from({ length: 1_200 }, (_, n) =>
    [`p${n}`, faulty.has(n) ? '' : `Product ${n}`, invalid.has(n) ? 'Bad' : 'Good'].join(','),
  )
  const path = join(folder, 'products.csv')
  await writeFile(path, `id,title,brand\n${rows.join('\n')}\n`)
  const counts = { created: 1_188, updated: 0, unchanged: 0, rejected: 12 }

  expect(await importing(path, '--dry-run')).toMatchObject(counts)
  expect(await countProducts()).toBe(0)

  expect(await importing(path)).toMatchObject(counts)
  expect(await countProducts()).toBe(1_188)
  const [, ...rejects] = (await readFile(`${path}.rejects.csv`, 'utf8')).trimEnd().split('\n')
  const reported = rejects.map((row) => {
    const [line, , id] = row.slice(1).split('","')
    return `${line} ${id}`
  })
  const expected = [...invalid, ...faulty].map((n) => `${n + 2} p${n}`)
  expect(reported.sort()).toEqual(expected.sort())
})
