/** What the history says of a write, by whatever way it came. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createKey } from '../../src/auth/api-keys.ts'
import { connect, type Database } from '../../src/db/connection.ts'
import { startRecording } from '../../src/db/recording.ts'
import { asker, startTestServer, type TestServer } from '../support/server.ts'
import { tapWire } from '../support/wire-tap.ts'
import { changeOf, changesOf } from './changes.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
  for (const id of ['s1', 's2']) await server.ask('PUT', `/v1/stores/${id}`, { title: id })
})
afterAll(() => server.stop())

test('a write names its change, who made it, and each field before and after', async () => {
  const { key } = await createKey(server.database.db, { name: 'Ann', scopes: ['write'] })
  const ask = asker(server.url, key)
  await ask('PUT', '/v1/products/pan', {
    title: 'Pan',
    price: 10,
    metadata: { color: 'red', size: 3 },
  })
  const answer = await ask('PATCH', '/v1/products/pan', {
    price: 12.5,
    brand: 'Lodge',
    metadata: { color: null, depth: 4 },
  })
  const id = answer.headers.get('Change-Id')
  expect(await changeOf(server, id)).toMatchObject({
    id,
    via: 'rest',
    actor: 'Ann',
    file: null,
    complete: true,
    undoes: null,
    undone_by: null,
    counts: [{ kind: 'product', action: 'updated', count: 1 }],
    records: [
      {
        kind: 'product',
        action: 'updated',
        product_id: 'pan',
        product_title: 'Pan',
        store_id: null,
        before: { price: 10, brand: null, 'metadata.color': 'red', 'metadata.depth': null },
        after: { price: 12.5, brand: 'Lodge', 'metadata.color': null, 'metadata.depth': 4 },
      },
    ],
  })
})

test('what is created has fields only after, what is removed only before, its availability too', async () => {
  const created = await server.ask('PUT', '/v1/products/lid', { title: 'Lid', store_ids: ['s1'] })
  expect(await changeOf(server, created.headers.get('Change-Id'))).toMatchObject({
    records: [
      {
        kind: 'product',
        action: 'created',
        before: null,
        after: { title: 'Lid', published: true },
      },
      {
        kind: 'availability',
        action: 'created',
        product_id: 'lid',
        store_id: 's1',
        store_title: 's1',
      },
    ],
  })
  const removed = await server.ask('DELETE', '/v1/products/lid')
  expect(await changeOf(server, removed.headers.get('Change-Id'))).toMatchObject({
    counts: [
      { kind: 'availability', action: 'removed', count: 1 },
      { kind: 'product', action: 'removed', count: 1 },
    ],
    records: [
      {
        kind: 'product',
        action: 'removed',
        product_title: 'Lid',
        before: { title: 'Lid' },
        after: null,
      },
      { kind: 'availability', action: 'removed' },
    ],
  })
})

test('a write that changes nothing, and one that is rolled back, leave no change', async () => {
  await server.ask('PUT', '/v1/products/same', { title: 'Same' })
  const before = await changesOf(server)
  const again = await server.ask('PUT', '/v1/products/same', { title: 'Same' })
  expect(again.headers.get('Change-Id')).toBeNull()
  const failed = await server.ask('POST', '/v1/products/batch', {
    products: [
      { id: 'new', title: 'New' },
      { id: 's1', title: 'Taken by a store' },
    ],
  })
  expect([failed.status, failed.headers.get('Change-Id')]).toEqual([409, null])
  expect(await changesOf(server)).toEqual(before)
})

test('a batch, a link and many links are one change each', async () => {
  const products = ['b1', 'b2', 'b3'].map((id) => ({ id, title: id }))
  const batch = await server.ask('POST', '/v1/products/batch', { products })
  const linked = await server.ask('PUT', '/v1/products/b1/stores/s1')
  const links = products.map(({ id }) => ({ product_id: id, store_id: 's2' }))
  const many = await server.ask('POST', '/v1/availability/batch', { add: links })
  const unlinked = await server.ask('DELETE', '/v1/stores/s1/products/b1')
  const counts = []
  for (const { headers } of [batch, linked, many, unlinked])
    counts.push(Object((await changeOf(server, headers.get('Change-Id'))).counts)[0])
  expect(counts).toEqual([
    { kind: 'product', action: 'created', count: 3 },
    { kind: 'availability', action: 'created', count: 1 },
    { kind: 'availability', action: 'created', count: 3 },
    { kind: 'availability', action: 'removed', count: 1 },
  ])
})

test('of several writes of a record in one transaction the history has the first before and the last after', async () => {
  const { db } = server.database
  await server.ask('PUT', '/v1/products/twice', { title: 'Twice', price: 1 })
  const recording = startRecording({ via: 'rest', keyId: null, name: null })
  await db.recorded(recording).transaction(async (tx) => {
    await tx.execute(sql`update products set price = 2 where id = 'twice'`)
    await tx.execute(sql`update products set price = 3, brand = 'B' where id = 'twice'`)
    await tx.execute(sql`insert into products (id, title) values ('brief', 'Brief')`)
    await tx.execute(sql`delete from products where id = 'brief'`)
    await tx.execute(sql`insert into product_stores values ('twice', 's1')`)
    await tx.execute(sql`delete from product_stores where product_id = 'twice'`)
  })
  expect(recording.isRecorded).toBe(true)
  expect((await changeOf(server, recording.changeId)).records).toMatchObject([
    { product_id: 'twice', before: { price: 1, brand: null }, after: { price: 3, brand: 'B' } },
  ])
})

test('plain SQL writes no history, also on a connection that wrote some before', async () => {
  const { db } = server.database
  const before = await changesOf(server)
  await db.execute(sql`insert into products (id, title) values ('by-sql', 'By SQL')`)
  await db.execute(sql`update products set price = 1 where id = 'by-sql'`)
  await db.execute(sql`delete from products where id = 'by-sql'`)
  expect(await changesOf(server)).toEqual(before)
})

test('changes are found by product, store, kind, way, key and time, page by page', async () => {
  const start = new Date().toISOString()
  await server.ask('PUT', '/v1/stores/found', { title: 'Found' })
  await server.ask('PUT', '/v1/products/found-1', { title: 'One', store_ids: ['found'] })
  await server.ask('PATCH', '/v1/products/found-1', { price: 3 })
  const count = async (query: string) => (await changesOf(server, `${query}&since=${start}`)).length
  expect(await count('product_id=found-1')).toBe(2)
  expect(await count('store_id=found')).toBe(2)
  expect(await count('kind=availability')).toBe(1)
  expect(await count('via=rest&actor=tests')).toBe(3)
  expect(await count('via=console')).toBe(0)
  expect(await count('actor=Nobody')).toBe(0)
  expect(await count(`until=${start}`)).toBe(0)
  const first = Object((await server.ask('GET', `/v1/changes?limit=1&since=${start}`)).body)
  const second = Object(
    (await server.ask('GET', `/v1/changes?limit=1&since=${start}&cursor=${first.next_cursor}`))
      .body,
  )
  expect([first.changes[0].records[0].after, second.changes[0].records[0].after]).toMatchObject([
    { price: 3 },
    { title: 'One' },
  ])
  expect((await server.ask('GET', '/v1/changes?cursor=bm9uZQ')).status).toBe(422)
})

test('long texts are cut in the list, and whole in the change', async () => {
  const description = 'd'.repeat(5000)
  const answer = await server.ask('PUT', '/v1/products/long', { title: 'Long', description })
  const [listed] = await changesOf(server, 'product_id=long')
  expect(String(Object(listed).records[0].after.description)).toBe(`${'d'.repeat(300)}…`)
  const whole = await changeOf(server, answer.headers.get('Change-Id'))
  expect(whole.records).toMatchObject([{ after: { description } }])
})

test('the records of a change come in pages', async () => {
  const products = Array.from({ length: 5 }, (_, n) => ({ id: `page-${n}`, title: `${n}` }))
  const answer = await server.ask('POST', '/v1/products/batch', { products })
  const path = `/v1/changes/${answer.headers.get('Change-Id')}?limit=2`
  const ids: string[] = []
  let cursor: unknown = ''
  while (cursor !== null) {
    const { body } = await server.ask('GET', `${path}${cursor && `&cursor=${cursor}`}`)
    ids.push(...Object(body).records.map((record: { product_id: string }) => record.product_id))
    cursor = Object(body).next_cursor
  }
  expect(ids).toEqual(products.map(({ id }) => id))
})

test('to be recorded costs a transaction no round trip', async () => {
  await server.ask('PUT', '/v1/products/tapped', { title: 'Tapped', price: 1 })
  const wire = await tapWire(server.database.url)
  const tapped = connect(wire.url, { max: 1, statementMs: 10_000 })
  const recording = startRecording({ via: 'rest', keyId: null, name: null })
  const turnsOf = async (db: Database) => {
    const before = wire.turns()
    await db.transaction((tx) =>
      tx.execute(sql`update products set price = price + 1 where id = 'tapped'`),
    )
    return wire.turns() - before
  }
  try {
    await tapped.db.execute(sql`select 1`)
    expect([await turnsOf(tapped.db), await turnsOf(tapped.db.recorded(recording))]).toEqual([2, 2])
    expect(recording.isRecorded).toBe(true)
  } finally {
    await tapped.close()
    await wire.stop()
  }
})
