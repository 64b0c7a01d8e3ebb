/** Triggers record every write, whoever writes: whatever their rights, their search path and their temporary tables. */
import { randomUUID } from 'node:crypto'
import { sql } from 'drizzle-orm'
import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { unguardedFunctions } from '../../src/db/guarded-functions.ts'
import { migrate } from '../../src/db/migrate.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { openClient } from '../support/postgres-client.ts'

const ownTables = [
  'outbox',
  'outbox_settings',
  'outbox_requeues',
  'feed_changes',
  'catalog_ids',
  'products',
  'orders',
  'order_items',
  'order_updates',
  'customers',
]

let database: TestDatabase
const till = `till_${randomUUID().slice(0, 8)}`

beforeAll(async () => {
  database = await createTestDatabase()
  const { db } = database
  await db.execute(sql.raw(`create role ${till} login password 'till'`))
  const shapes = ownTables.map((table) => `create table shapes.${table} (like public.${table});`)
  await db.execute(
    sql.raw(`
      create schema shapes; ${shapes.join('')}
      grant usage on schema shapes to public; grant select on all tables in schema shapes to public;
      grant insert, update, delete, truncate, select on products, stores, product_stores to ${till};
      grant insert, update, select on customers, orders, order_items, order_updates, visits to ${till}`),
  )
})
afterAll(async () => {
  await database.db.execute(sql.raw(`drop owned by ${till}`))
  await database.db.execute(sql.raw(`drop role ${till}`))
  await database.close()
})
beforeEach(async () => {
  const { db } = database
  await db.execute(sql`truncate products, stores, customers, orders cascade`)
  await db.execute(sql`truncate feed_changes, outbox, outbox_requeues`)
})

/** The same columns, but no trigger. */
const decoys = (schema: string) =>
  ownTables.map((table) => `create table ${schema}.${table} (like shapes.${table});`).join('')

const decoyFunctions = (schema: string) => `
  create function ${schema}.md5(text) returns text language sql as 'select repeat(''0'', 32)';
  create function ${schema}.lower(text) returns text language sql as 'select $1';
  create function ${schema}.now() returns timestamptz language sql as 'select timestamptz ''2000-01-01''';
  create function ${schema}.pg_notify(text, text) returns void language sql as 'select';
  create function ${schema}.catalog_hash(text) returns smallint language sql as 'select 7::smallint';
  create function ${schema}.email_key(text) returns text language sql as 'select $1';
  create function ${schema}.outbox_enqueue_missing(text[], boolean default false) returns bigint language sql as 'select 0::bigint';
  create function ${schema}.same(text, text) returns boolean language sql as 'select false';
  create operator ${schema}.= (leftarg = text, rightarg = text, function = ${schema}.same);
  create function ${schema}.joined(text, text) returns text language sql as 'select ''joined''';
  create operator ${schema}.|| (leftarg = text, rightarg = text, function = ${schema}.joined);
  create sequence ${schema}.catalog_version;`

async function asTill(write: (client: pg.Client) => Promise<unknown>, prepare = ''): Promise<void> {
  const url = new URL(database.directUrl)
  url.username = till
  url.password = 'till'
  const client = await openClient(url.href)
  try {
    await client.query(prepare)
    await write(client)
  } finally {
    await client.end()
  }
}

async function asOwner(write: (client: pg.Client) => Promise<unknown>, prepare = '') {
  const client = await openClient(database.directUrl)
  try {
    await client.query(prepare)
    await write(client)
  } finally {
    await client.end()
  }
}

/** Every table that has a trigger, and every operation that a trigger watches. A decoy may be first: so schemas are named, and `=` is avoided. */
const writes = [
  `insert into public.stores (id, title) values ('s', 'Store')`,
  `insert into public.products (id, title, sku, price) values ('p', 'Product', 'SKU', 5), ('q', 'Other', null, 1)`,
  `insert into public.product_stores values ('p', 's')`,
  `update public.products set published = false where id like 'q'`,
  `update public.products set id = 'r' where id like 'q'`,
  `delete from public.products where id like 'r'`,
  `insert into public.customers (id, email) values ('c', 'till@klaviyo-demo.com'), ('d', null)`,
  `insert into public.orders (id, customer_id, store_id, currency, total, placed_at) values ('o', 'c', 's', 'USD', 5, '2026-01-01')`,
  `insert into public.order_items (order_id, product_id) values ('o', 'p')`,
  `insert into public.order_updates (order_id, kind, id) values ('o', 'refunded', 'u')`,
  `insert into public.visits (customer_id, store_id, at) values ('c', 's', '2026-02-01')`,
  `update public.customers set email = 'new@klaviyo-demo.com' where id like 'd'`,
  `update public.orders set customer_id = 'd' where id like 'o'`,
]

/** Everything that triggers left behind, without times and generated numbers. */
async function recorded(): Promise<unknown> {
  const { db } = database
  const changes = await db.execute(
    sql`select feed, hash, linked_to, count(*)::int from public.feed_changes group by 1, 2, 3 order by 1, 2, 3`,
  )
  const messages = await db.execute(
    sql`select order_id, customer_id, metric, ref, status, backfill,
      case when metric <> 'profile' then unique_id end as unique_id from public.outbox order by metric, ref, customer_id`,
  )
  const requeues = await db.execute(sql`select customer_id from public.outbox_requeues order by 1`)
  const ids = await db.execute(sql`select id, kind from public.catalog_ids order by id`)
  const items = await db.execute(
    sql`select line, sku, product_name, row_total from public.order_items`,
  )
  const customers = await db.execute(
    sql`select id, most_recent_store_id from public.customers order by id`,
  )
  const current = await db.execute(
    sql`select count(*)::int as count from public.products where updated_at > now() - interval '1 hour'`,
  )
  return { changes, messages, requeues, ids, items, customers, current }
}

async function expected(): Promise<unknown> {
  await asOwner(async (client) => {
    for (const write of writes) await client.query(write)
  })
  const what = await recorded()
  const { db } = database
  await db.execute(sql`truncate products, stores, customers, orders cascade`)
  await db.execute(sql`truncate feed_changes, outbox, outbox_requeues`)
  return what
}

const runAll = async (client: pg.Client) => {
  for (const write of writes) await client.query(write)
}

test('what triggers record of these writes is worth comparing', async () => {
  const all = (await expected()) as Record<string, unknown[]>
  for (const part of ['changes', 'messages', 'requeues', 'ids', 'items', 'customers'])
    expect(all[part]?.length).toBeGreaterThan(0)
  expect(all.messages?.length).toBe(7)
  expect(all.items).toEqual([{ line: 1, sku: 'SKU', product_name: 'Product', row_total: '5.0000' }])
})

test('a till with rights on the tables it writes, and no others', async () => {
  const all = await expected()
  await asTill(runAll)
  expect(await recorded()).toEqual(all)
})

test('temporary tables, functions and operators of the names that triggers use', async () => {
  const all = await expected()
  await asTill(
    runAll,
    `${decoys('pg_temp')} ${decoyFunctions('pg_temp')} set search_path = pg_temp, public`,
  )
  expect(await recorded()).toEqual(all)
})

test('a schema of the same tables, functions and operators before ours, and before those of Postgres', async () => {
  const all = await expected()
  const { db } = database
  await db.execute(sql.raw(`create schema decoy authorization ${till}`))
  await asTill(
    runAll,
    `${decoys('decoy')} ${decoyFunctions('decoy')} set search_path = decoy, pg_catalog, public`,
  )
  expect(await recorded()).toEqual(all)
  await db.execute(sql`drop schema decoy cascade`)
})

test('the owner of the tables, with temporary tables in the way', async () => {
  const all = await expected()
  await asOwner(runAll, decoys('pg_temp'))
  expect(await recorded()).toEqual(all)
})

test('an empty search path', async () => {
  const all = await expected()
  await asTill(runAll, `set search_path = ''`)
  expect(await recorded()).toEqual(all)
})

const rowSecurity = async (verb: string) => {
  for (const table of ['feed_changes', 'outbox', 'outbox_settings', 'catalog_ids', 'orders'])
    await database.db.execute(sql.raw(`alter table ${table} ${verb} row level security`))
}

test('row-level security on the tables: it applies to the till, not to what triggers do', async () => {
  const all = await expected()
  const { db } = database
  await db.execute(sql.raw(`create policy till on orders to ${till} using (true)`))
  await rowSecurity('enable')
  try {
    await asTill(runAll)
  } finally {
    await rowSecurity('disable')
    await db.execute(sql`drop policy till on orders`)
  }
  expect(await recorded()).toEqual(all)
})

test('TRUNCATE by a till is recorded for all items, and its ids are free again', async () => {
  await asTill((client) =>
    client.query(`insert into products (id, title) values ('t', 'T'); truncate products cascade`),
  )
  expect(await recorded()).toMatchObject({
    ids: [],
    changes: expect.arrayContaining([
      { feed: 'products', hash: -1, linked_to: null, count: expect.any(Number) },
    ]),
  })
})

test('deferred triggers run in the same way at the commit, whatever is set meanwhile', async () => {
  await asTill(async (client) => {
    await client.query(
      `begin; insert into customers (id, email) values ('late', 'late@klaviyo-demo.com')`,
    )
    await client.query(`${decoys('pg_temp')} set local search_path = pg_temp`)
    await client.query('commit')
  })
  const rows = await database.db.execute(sql`select customer_id, ref from outbox`)
  expect([...rows]).toEqual([{ customer_id: 'late', ref: 'edit' }])
})

test('a till may not call the functions that triggers call, nor erase', async () => {
  for (const call of [
    `customers_erase('c')`,
    `outbox_enqueue_missing('{o}')`,
    `outbox_enqueue_profiles('{c}', '{edit}', '{now}')`,
    `customers_update_recent_store('{c}', '{s}', '{now}')`,
  ])
    await asTill((client) =>
      expect(client.query(`select ${call}`)).rejects.toMatchObject({ code: '42501' }),
    )
})

test('all functions run as their owner on our own schema, or were parsed when they were created', async () => {
  const rows = await database.db.execute<{ name: string }>(sql`
    select proname as name from pg_proc
    where pronamespace = 'public'::regnamespace and prosqlbody is null
      and not (prosecdef and coalesce(proconfig, '{}') @> '{"search_path=public, pg_temp",row_security=off}')`)
  expect(rows.map(({ name }) => name).sort()).toEqual([
    'customer_records',
    'feed_states',
    'find_key',
    'order_amendment_records',
    'order_records',
    'order_update_records',
    'outbox_claim_events',
    'outbox_claim_profiles',
  ])
  expect(await unguardedFunctions(database.db)).toEqual([])
})

test('a function that is replaced, or opened to all, is put right by the next migrate', async () => {
  const { db, directUrl } = database
  await db.execute(sql`
    create or replace function orders_enqueue() returns trigger language plpgsql as
    'begin perform outbox_enqueue_missing(array(select id from new_rows)); return null; end'`)
  await db.execute(sql`grant execute on function customers_erase(text) to public`)
  expect(await unguardedFunctions(db)).toEqual(['customers_erase(text)', 'orders_enqueue()'])
  await Promise.all([migrate(directUrl), migrate(directUrl)])
  expect(await unguardedFunctions(db)).toEqual([])
  const all = await expected()
  await asTill(runAll, decoys('pg_temp'))
  expect(await recorded()).toEqual(all)
})
