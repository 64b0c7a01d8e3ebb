import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RunningSandbox, startSandbox } from '../../src/klaviyo-sandbox/listen.ts'
import { run } from '../cli/command-line.ts'
import { startReader } from '../feeds/readers.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
let sandbox: RunningSandbox
beforeAll(async () => {
  database = await createTestDatabase()
  sandbox = await startSandbox({ port: 0, settings: { key: 'pk_right' } })
})
afterAll(async () => {
  await sandbox.stop()
  await database.close()
})

const doctor = (settings: Record<string, string> = {}, ...args: string[]) =>
  run(['doctor', ...args], {
    DATABASE_URL: database.url,
    KLAVIYO_URL: sandbox.url,
    KLAVIYO_API_KEY: 'pk_right',
    ...settings,
  })

test('a healthy installation has only ok diagnostics, and the checks record nothing at Klaviyo', async () => {
  const { code, stdout, stderr } = await doctor({}, '--json')
  expect([code, stderr]).toEqual([0, ''])
  const diagnostics: { level: string; area: string }[] = JSON.parse(stdout)
  expect(new Set(diagnostics.map(({ level }) => level))).toEqual(new Set(['ok']))
  expect(new Set(diagnostics.map(({ area }) => area))).toEqual(
    new Set(['settings', 'database', 'products', 'stores', 'feeds', 'messages', 'klaviyo']),
  )
  expect(sandbox.state.account.eventLog.entries).toEqual([])
})

test('catalog items that Klaviyo would not show are reported with an example and advice', async () => {
  await database.db.execute(sql`
    insert into products (id, title, link, image_link, categories) values
      ('p1', 'Oven', '/oven', 'http://x/1.jpg', '{"Pots, Pans"}'), ('p2', 'Oven', null, null, '{}')`)
  const { code, stdout } = await doctor()
  await database.db.execute(sql`truncate products cascade`)
  expect(code).toBe(0)
  expect(stdout).toContain(
    'warning products: 1 product has no link, so the feed says n/a, such as "p2".',
  )
  expect(stdout).toContain('1 product has no image')
  expect(stdout).toContain(
    '1 product has a link or an image that is not https, or is relative, such as "p1".',
  )
  expect(stdout).toContain('1 product has a category with a comma')
  expect(stdout).toContain('2 products share their title with another, such as "p1".')
})

test('messages with warnings are counted, and where to read them is said', async () => {
  await database.db.execute(
    sql`insert into customers (id, email) values ('c1', 'anna@@x'), ('c2', 'c2@klaviyo-demo.com')`,
  )
  const { stdout } = await doctor()
  await database.db.execute(sql`truncate customers, outbox cascade`)
  expect(stdout).toContain('Messages with warnings: 1.')
  expect(stdout).toContain('GET /v1/events?with_warnings=true')
})

test('a feed that lacks rows, because they were written with triggers off, is an error', async () => {
  const { reader } = startReader(database.db)
  await reader.refresh('products')
  await database.db.execute(sql`alter table products disable trigger user`)
  await database.db.execute(sql`insert into products (id, title) values ('p1', 'Oven')`)
  await database.db.execute(sql`alter table products enable trigger user`)
  const { code, stdout } = await doctor()
  await database.db.execute(sql`truncate products cascade`)
  expect(code).toBe(1)
  expect(stdout).toContain('ERROR   feeds: The products feed has 0 items, but 1 are published.')
  expect(stdout).toContain(
    'warning feeds: The feeds are rendered by storefeed 1.2.3 with CURRENCY=USD and STORE_PRODUCT_IDS=true; ',
  )
})

test('a disabled trigger is an error', async () => {
  await database.db.execute(sql`alter table products disable trigger feed_changes_insert`)
  const { code, stdout } = await doctor()
  await database.db.execute(sql`alter table products enable trigger feed_changes_insert`)
  expect(code).toBe(1)
  expect(stdout).toContain(
    'ERROR   database: Triggers are missing or disabled: feed_changes_insert on products.',
  )
})

test.each<[string, Record<string, string>, string]>([
  ['a key that Klaviyo rejects', { KLAVIYO_API_KEY: 'pk_wrong' }, 'Klaviyo rejected the key.'],
  ['an unreachable Klaviyo', { KLAVIYO_URL: 'http://127.0.0.1:1' }, 'Klaviyo is unavailable: '],
  [
    'an unreachable database',
    { DATABASE_URL: 'postgres://u:sekret@127.0.0.1:1/x' },
    'ERROR   database: ',
  ],
  [
    'a setting that cannot be read',
    { PORT: 'http' },
    'PORT must be a whole number from 0 to 65535',
  ],
])('%s is an error, reported without secrets', async (_, settings, message) => {
  const { code, stdout } = await doctor(settings)
  expect(code).toBe(1)
  expect(stdout).toContain(message)
  expect(stdout).not.toMatch(/sekret|pk_/)
})
