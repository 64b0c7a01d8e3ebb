/** Undo restores what is still as the change left it, and names the rest. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../support/server.ts'
import { changeOf, idOf, undo } from './changes.ts'

let server: TestServer
let ask: TestServer['ask']
beforeAll(async () => {
  server = await startTestServer()
  ask = server.ask
  for (const id of ['s1', 's2', 's3'])
    await ask('PUT', `/v1/stores/${id}`, { title: `Store ${id}` })
})
afterAll(() => server.stop())

const product = async (id: string) => Object((await ask('GET', `/v1/products/${id}`)).body)

describe('fields', () => {
  test('a wrong price is put back, and the undo is a change that can be undone', async () => {
    await ask('PUT', '/v1/products/price', { title: 'Price', price: 10 })
    const wrong = await ask('PATCH', '/v1/products/price', { price: 1000 })
    const undone = await undo(server, idOf(wrong))
    expect(undone).toMatchObject({
      restored: 1,
      unchanged: 0,
      conflicts: 0,
      restored_records: [{ action: 'updated', before: { price: 1000 }, after: { price: 10 } }],
    })
    expect(await product('price')).toMatchObject({ price: 10 })
    const id = String(undone.change_id)
    expect(await changeOf(server, id)).toMatchObject({ undoes: idOf(wrong) })
    expect(await changeOf(server, idOf(wrong))).toMatchObject({ undone_by: id })
    await undo(server, id)
    expect(await product('price')).toMatchObject({ price: 1000 })
  })

  test('of two fields, the one that changed since stays and is named', async () => {
    await ask('PUT', '/v1/products/two', { title: 'Two', price: 1, brand: 'A' })
    const both = await ask('PATCH', '/v1/products/two', { price: 2, brand: 'B' })
    await ask('PATCH', '/v1/products/two', { brand: 'C' })
    expect(await undo(server, idOf(both))).toMatchObject({
      restored: 1,
      conflicts: 1,
      conflicting: [
        {
          kind: 'product',
          product_id: 'two',
          field: 'brand',
          detail: 'is "C" now, the change left "B"',
        },
      ],
    })
    expect(await product('two')).toMatchObject({ price: 1, brand: 'C' })
  })

  test('each key of metadata, categories and every type of field come back as they were', async () => {
    const before = {
      title: 'All',
      sku: 'A-1',
      price: 0.0001,
      categories: ['Pots, pans', 'Ø'],
      published: false,
      inventory_quantity: -2.5,
      inventory_policy: 2,
      gtin: '4006381333931',
      metadata: { color: 'red', weight: 1.5, limited: true, kept: 'old' },
      store_ids: ['s1', 's2'],
    }
    await ask('PUT', '/v1/products/all', before)
    const was = await product('all')
    const changed = await ask('PUT', '/v1/products/all', {
      title: 'Other',
      metadata: { kept: 'new' },
    })
    await ask('PATCH', '/v1/products/all', { metadata: { kept: 'newest', added: 'later' } })
    expect(await undo(server, idOf(changed))).toMatchObject({
      conflicts: 1,
      conflicting: [{ field: 'metadata.kept' }],
    })
    const { updated_at: _, ...now } = await product('all')
    const { updated_at: __, ...then } = was
    expect(now).toEqual({ ...then, metadata: { ...then.metadata, kept: 'newest', added: 'later' } })
  })

  test('numbers that JavaScript cannot hold come back whole', async () => {
    const { db } = server.database
    await db.execute(
      sql`insert into products (id, title, inventory_quantity) values ('big', 'Big', 12345678901234567890.123456789)`,
    )
    const changed = await ask('PATCH', '/v1/products/big', { inventory_quantity: 5 })
    await undo(server, idOf(changed))
    const [row] = await db.execute(
      sql`select inventory_quantity::text as quantity from products where id = 'big'`,
    )
    expect(row).toEqual({ quantity: '12345678901234567890.123456789' })
  })

  test('a store is undone alike', async () => {
    const changed = await ask('PATCH', '/v1/stores/s3', { city: 'Salem', latitude: 42.5 })
    await undo(server, idOf(changed))
    expect((await ask('GET', '/v1/stores/s3')).body).toMatchObject({ city: null, latitude: null })
  })

  test('undone twice, the second finds nothing to do', async () => {
    await ask('PUT', '/v1/products/again', { title: 'Again', price: 1 })
    const changed = await ask('PATCH', '/v1/products/again', { price: 2 })
    await undo(server, idOf(changed))
    expect(await undo(server, idOf(changed))).toMatchObject({
      change_id: null,
      restored: 0,
      unchanged: 1,
      conflicts: 0,
    })
  })
})

describe('many records', () => {
  test('a batch that created some and changed others is undone but for what changed since', async () => {
    await ask('PUT', '/v1/products/m-1', { title: 'M 1', price: 1 })
    const batch = await ask('POST', '/v1/products/batch', {
      products: [
        { id: 'm-1', title: 'M 1', price: 9 },
        { id: 'm-2', title: 'M 2', store_ids: ['s1'] },
        { id: 'm-3', title: 'M 3', store_ids: ['s1'] },
        { id: 'm-4', title: 'M 4' },
      ],
    })
    await ask('PATCH', '/v1/products/m-3', { brand: 'Since' })
    await ask('PUT', '/v1/products/m-4/stores/s2')
    const expected = {
      restored: 3,
      conflicts: 3,
      conflicting: [
        { product_id: 'm-3', field: 'brand' },
        { product_id: 'm-4', field: null, detail: 'it is sold in other stores since' },
        { kind: 'availability', product_id: 'm-3', detail: 'it stays with what was created' },
      ],
    }
    expect(await undo(server, idOf(batch), true)).toMatchObject({ ...expected, change_id: null })
    expect(await product('m-1')).toMatchObject({ price: 9 })
    expect(await undo(server, idOf(batch))).toMatchObject(expected)
    expect(await product('m-1')).toMatchObject({ price: 1 })
    expect(await product('m-3')).toMatchObject({ brand: 'Since', store_ids: ['s1'] })
    const statuses = await Promise.all(
      ['m-2', 'm-3', 'm-4'].map(async (id) => (await ask('GET', `/v1/products/${id}`)).status),
    )
    expect(statuses).toEqual([404, 200, 200])
  })

  test('links that were added and removed are put back, and those that are so already are left', async () => {
    for (const id of ['l-1', 'l-2'])
      await ask('PUT', `/v1/products/${id}`, { title: id, store_ids: ['s1'] })
    const link = (product_id: string, store_id: string) => ({ product_id, store_id })
    const changed = await ask('POST', '/v1/availability/batch', {
      add: [link('l-1', 's2'), link('l-2', 's2')],
      remove: [link('l-1', 's1'), link('l-2', 's1')],
    })
    await ask('DELETE', '/v1/products/l-1/stores/s2')
    await ask('PUT', '/v1/products/l-2/stores/s1')
    expect(await undo(server, idOf(changed))).toMatchObject({
      restored: 2,
      unchanged: 2,
      conflicts: 0,
    })
    expect([await product('l-1'), await product('l-2')]).toMatchObject([
      { store_ids: ['s1'] },
      { store_ids: ['s1'] },
    ])
  })
})

describe('what was removed', () => {
  test('a product comes back with its fields and its links, but not to a store that is gone', async () => {
    await ask('PUT', '/v1/stores/gone', { title: 'Gone' })
    await ask('PUT', '/v1/products/back', {
      title: 'Back',
      price: 5,
      metadata: { color: 'red' },
      store_ids: ['s1', 'gone'],
    })
    const removed = await ask('DELETE', '/v1/products/back')
    await ask('DELETE', '/v1/stores/gone')
    expect(await undo(server, idOf(removed))).toMatchObject({
      restored: 2,
      conflicts: 1,
      conflicting: [
        {
          kind: 'availability',
          store_id: 'gone',
          product_title: 'Back',
          detail: 'there is no such store any more',
        },
      ],
    })
    expect(await product('back')).toMatchObject({
      title: 'Back',
      price: 5,
      metadata: { color: 'red' },
      store_ids: ['s1'],
    })
  })

  test('a store comes back with what it sold', async () => {
    await ask('PUT', '/v1/products/sold', { title: 'Sold' })
    await ask('PUT', '/v1/stores/closed', { title: 'Closed', city: 'Rome', product_ids: ['sold'] })
    await undo(server, idOf(await ask('DELETE', '/v1/stores/closed')))
    expect((await ask('GET', '/v1/stores/closed')).body).toMatchObject({
      city: 'Rome',
      product_ids: ['sold'],
    })
  })

  test.each([
    ['a product', '/v1/products/anew', 'there is a product with this id again'],
    ['a store', '/v1/stores/anew', 'its id is used by a store now'],
  ])('it stays removed when its id was used anew by %s', async (_, path, detail) => {
    await ask('PUT', '/v1/products/anew', { title: 'First' })
    const removed = await ask('DELETE', '/v1/products/anew')
    await ask('PUT', path, { title: 'Second' })
    expect(await undo(server, idOf(removed))).toMatchObject({
      change_id: null,
      restored: 0,
      conflicts: 1,
      conflicting: [{ product_id: 'anew', product_title: expect.anything(), field: null, detail }],
    })
    expect((await ask('GET', path)).body).toMatchObject({ title: 'Second' })
    await ask('DELETE', path)
  })

  test('an edit of what was removed since is named', async () => {
    await ask('PUT', '/v1/products/left', { title: 'Left' })
    const edited = await ask('PATCH', '/v1/products/left', { price: 1 })
    await ask('DELETE', '/v1/products/left')
    expect(await undo(server, idOf(edited))).toMatchObject({
      conflicting: [{ detail: 'the product was removed since' }],
    })
  })
})

test('a change that is not there is a 404, and a body that is none a 422', async () => {
  const none = '/v1/changes/00000000-0000-4000-8000-000000000000'
  expect((await ask('GET', none)).status).toBe(404)
  expect((await ask('POST', `${none}/undo`, {})).status).toBe(404)
  expect((await ask('POST', '/v1/changes/7/undo', {})).status).toBe(422)
  expect((await ask('POST', `${none}/undo`, { dry_run: 'yes' })).status).toBe(422)
})
