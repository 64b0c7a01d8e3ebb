/** The users of docs/sql.md, made by exactly its SQL: each can do its work and no more. */
import { readFile } from 'node:fs/promises'
import type pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RunningSandbox, startSandbox } from '../../src/klaviyo-sandbox/listen.ts'
import { run, start } from '../cli/command-line.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { askPostgres, openClient } from '../support/postgres-client.ts'
import { asker } from '../support/server.ts'

const users = ['storefeed_owner', 'storefeed_server', 'storefeed_till']
let admin: TestDatabase
let name: string
let asSuperuser: string
let asOwner: string
let sandbox: RunningSandbox
const apiKey = 'key-of-the-users-test'

function urlAs(user: string): string {
  const url = new URL(admin.directUrl)
  url.username = user
  url.password = 'change-me'
  url.pathname = `/${name}`
  return url.href
}

/** The blocks of SQL under the heading, in order. */
async function blocksUnder(heading: string): Promise<string[]> {
  const page = await readFile(new URL('../../docs/sql.md', import.meta.url), 'utf8')
  const section = page.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? ''
  return [...section.matchAll(/^```sql\n(.*?)^```/gms)].map(([, block = '']) => block)
}

/** Statement by statement, as psql sends them: a database cannot be created within a transaction. */
async function execute(url: string, block: string): Promise<void> {
  const client = await openClient(url)
  try {
    for (const statement of block.replace(/^--.*$/gm, '').split(/;\n/))
      if (statement.trim() !== '') await client.query(statement)
  } finally {
    await client.end()
  }
}

async function removeUsers(): Promise<void> {
  await askPostgres(admin.directUrl, `drop database if exists ${name} with (force)`)
  for (const user of users) await askPostgres(admin.directUrl, `drop role if exists ${user}`)
}

beforeAll(async () => {
  sandbox = await startSandbox({ port: 0, settings: { key: 'pk_right' } })
  admin = await createTestDatabase('template0')
  name = `${new URL(admin.directUrl).pathname.slice(1)}_users`
  const [first = '', second = ''] = await blocksUnder('Users')
  // Beside this name, the SQL is used as it is in the page.
  asSuperuser = first.replace('create database storefeed ', `create database ${name} `)
  asOwner = second
  await removeUsers()
  await execute(admin.directUrl, asSuperuser)
  const migrated = await run(['migrate'], { DATABASE_URL: urlAs('storefeed_owner') })
  expect(migrated).toMatchObject({ code: 0, stderr: '' })
  await execute(urlAs('storefeed_owner'), asOwner)
})
afterAll(async () => {
  await sandbox.stop()
  await removeUsers()
  await admin.close()
})

async function asUser<T>(user: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await openClient(urlAs(user))
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

test('a till records the order of the page, and its events are enqueued', async () => {
  const catalog = (await blocksUnder('Catalog')).join('')
  const orders = (await blocksUnder('Orders')).join('')
  await execute(urlAs('storefeed_owner'), catalog)
  await asUser('storefeed_till', (client) => client.query(orders))
  await asUser('storefeed_till', (client) =>
    client.query(`update orders set discount_code = 'D' where id = 'C-3001';
      update customers set first_name = 'Alex' where id = 'c-88';
      insert into visits (customer_id, store_id) values ('c-88', 'market') on conflict do nothing`),
  )
  const rows = await askPostgres(
    urlAs('storefeed_owner'),
    'select metric, ref from outbox order by id',
  )
  expect(rows).toEqual([
    { metric: 'placed_order', ref: '' },
    { metric: 'ordered_product', ref: '1' },
    { metric: 'refunded_order', ref: 'r1' },
    { metric: 'profile', ref: 'edit' },
    { metric: 'profile', ref: 'visit' },
  ])
})

test.each([
  'select email from customers',
  'select * from outbox',
  'delete from orders',
  'update outbox set status = null',
  `insert into products (id, title) values ('x', 'X')`,
  `select customers_erase('c-88')`,
  'select hash from api_keys',
  'create table public.mine (id int)',
])('a till may not %s', async (statement) => {
  await asUser('storefeed_till', (client) =>
    expect(client.query(statement)).rejects.toMatchObject({ code: '42501' }),
  )
})

test('the server serves, records, erases and stops as its own user, without the right to migrate', async () => {
  const settings = {
    DATABASE_URL: urlAs('storefeed_server'),
    API_KEY: apiKey,
    FEEDS_PUBLIC: 'true',
    KLAVIYO_URL: sandbox.url,
    KLAVIYO_API_KEY: 'pk_right',
  }
  const server = start(['serve'], settings)
  const [, url = ''] = await server.printed(/"url":"([^"]+)","database"/)
  const ask = asker(url, apiKey)
  try {
    await expect
      .poll(async () => (await ask('GET', '/readyz')).body)
      .toEqual({ status: 'ready', problems: [] })
    expect((await ask('PUT', '/v1/stores/s1', { title: 'S' })).status).toBe(201)
    expect((await ask('PUT', '/v1/products/p1', { title: 'P', store_ids: ['s1'] })).status).toBe(
      201,
    )
    const order = {
      total: 5,
      store_id: 's1',
      customer: { email: 'ROLE@klaviyo-demo.com' },
      items: [{ product_id: 'p1' }],
    }
    const ordered = await ask('PUT', '/v1/orders/o1', order)
    expect(ordered.status).toBe(201)
    expect((await ask('POST', '/v1/orders/o1/refunds', { id: 'r' })).status).toBe(201)
    const visit = { customer: { email: 'role@klaviyo-demo.com' }, store_id: 's1' }
    expect((await ask('POST', '/v1/visits', visit)).status).toBe(201)
    await expect.poll(() => sandbox.state.account.eventLog.entries.length).toBeGreaterThan(0)
    const { customer_id } = ordered.body as { customer_id: string }
    expect((await ask('DELETE', `/v1/customers/${customer_id}`)).status).toBe(204)
    const removed = await ask('DELETE', '/v1/products/p1')
    expect(removed.status).toBe(204)
    const change = `/v1/changes/${removed.headers.get('Change-Id')}`
    expect((await ask('GET', change)).status).toBe(200)
    expect((await ask('POST', `${change}/undo`, {})).body).toMatchObject({ restored: 2 })
    expect((await ask('GET', '/feeds/stores.json')).text).toContain('"$id":"s1"')
    expect((await ask('GET', '/v1/feeds')).status).toBe(200)
    expect((await ask('GET', '/metrics')).status).toBe(200)
  } finally {
    const { code } = await server.end()
    expect(code).toBe(0)
  }
  for (const command of [['doctor'], ['rebuild'], ['backfill'], ['export', 'products']])
    expect(await run(command, settings)).toMatchObject({ code: 0, stderr: '' })
})

test('a server that would have to migrate says who must', async () => {
  await askPostgres(
    urlAs('storefeed_owner'),
    'delete from drizzle.__drizzle_migrations where id = (select max(id) from drizzle.__drizzle_migrations)',
  )
  const { code, stderr } = await run(['serve'], { DATABASE_URL: urlAs('storefeed_server') })
  expect(code).toBe(1)
  expect(stderr).toMatch(/lacks a right that this takes: .* Run storefeed migrate as the owner/)
})
