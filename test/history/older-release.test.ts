/** Servers of a release without history beside those that record it, as while servers are upgraded one after the other. */
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type ServerProcess, startProcess } from '../feeds/servers.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { asker, type TestServer } from '../support/server.ts'

const key = 'a-key-for-the-tests'
const withoutHistory = fileURLToPath(new URL('./release-without-history.ts', import.meta.url))

let database: TestDatabase
const running: ServerProcess[] = []
let older: TestServer['ask']
let newer: TestServer['ask']

beforeAll(async () => {
  database = await createTestDatabase()
  for (const preload of [[withoutHistory], []])
    running.push(await startProcess(database.url, { API_KEY: key, LOG_LEVEL: 'info' }, preload))
  const [one = '', other = ''] = running.map(({ url }) => url)
  older = asker(one, key)
  newer = asker(other, key)
})
afterAll(async () => {
  await Promise.all(running.map((server) => server.kill()))
  await database.close()
})
beforeEach(async () => {
  await older('POST', '/v1/products/bulk', { where: {}, remove: true })
  await older('PUT', '/v1/stores/s', { title: 'Store' })
})

type Answer = Awaited<ReturnType<TestServer['ask']>>
const changeOf = ({ headers }: Answer) => headers.get('Change-Id') ?? ''
const undo = (id: string) => newer('POST', `/v1/changes/${id}/undo`, {})
const read = async (id: string) => (await newer('GET', `/v1/products/${id}`)).body

test('the older one writes as ever and is not recorded', async () => {
  const before = (await newer('GET', '/v1/changes')).body
  const product = { id: 'p', title: 'Pan', price: 1 }
  const answers = [
    await older('POST', '/v1/products', product),
    await older('PATCH', '/v1/products/p', { price: 2 }),
    await older('POST', '/v1/products/batch', { products: [{ ...product, store_ids: ['s'] }] }),
    await older('POST', '/v1/products/bulk', { where: {}, price: { percent: 10 } }),
    await older('DELETE', '/v1/products/p/stores/s'),
    await older('DELETE', '/v1/products/p'),
  ]
  expect(answers.map(({ status }) => status)).toEqual([201, 200, 200, 200, 204, 204])
  expect(answers.map(changeOf)).toEqual(answers.map(() => ''))
  expect((await newer('GET', '/v1/changes')).body).toEqual(before)
})

test('what the older one wrote since stays when a change is undone, and is named', async () => {
  await newer('PUT', '/v1/products/p', { title: 'Pan', price: 1, brand: 'A' })
  const change = changeOf(await newer('PATCH', '/v1/products/p', { price: 2, brand: 'B' }))
  await older('PATCH', '/v1/products/p', { price: 3 })
  expect((await undo(change)).body).toMatchObject({
    restored: 1,
    conflicting: [{ product_id: 'p', field: 'price', detail: 'is 3 now, the change left 2' }],
  })
  expect(await read('p')).toMatchObject({ price: 3, brand: 'A' })
})

test('what the older one removed, created again or sells elsewhere is no fault of an undo', async () => {
  const created = changeOf(await newer('PUT', '/v1/products/gone', { title: 'Gone' }))
  const edited = changeOf(await newer('PATCH', '/v1/products/gone', { price: 1 }))
  const sold = changeOf(await newer('PUT', '/v1/products/gone/stores/s'))
  await older('DELETE', '/v1/products/gone')
  expect((await undo(sold)).body).toMatchObject({ restored: 0, unchanged: 1 })
  expect((await undo(edited)).body).toMatchObject({
    restored: 0,
    conflicting: [{ detail: 'the product was removed since' }],
  })
  expect((await undo(created)).body).toMatchObject({ restored: 0, unchanged: 1 })
  await newer('PUT', '/v1/products/back', { title: 'First' })
  const removed = changeOf(await newer('DELETE', '/v1/products/back'))
  await older('PUT', '/v1/products/back', { title: 'Second' })
  expect((await undo(removed)).body).toMatchObject({
    restored: 0,
    conflicting: [{ detail: 'there is a product with this id again' }],
  })
  expect(await read('back')).toMatchObject({ title: 'Second' })
})

test('of many writes of both at once none fails, and undoing all of one leaves what the other wrote last', async () => {
  const ids = Array.from({ length: 8 }, (_, n) => `p${n}`)
  const products = ids.map((id) => ({ id, title: id, price: 0 }))
  await older('POST', '/v1/products/batch', { products })
  const changes: string[] = []
  /** What the older one writes is 1,000 or more. */
  async function write(ask: TestServer['ask'], first: number): Promise<number[]> {
    const statuses: number[] = []
    for (let n = 1; n <= 30; n++) {
      const price = first + n
      const one = `/v1/products/${ids[(n * 5 + first) % ids.length]}`
      const answer =
        n % 5 === 0
          ? await ask('POST', '/v1/products/bulk', { where: {}, patch: { price } })
          : await ask('PATCH', one, { price })
      statuses.push(answer.status)
      if (changeOf(answer) !== '') changes.push(changeOf(answer))
    }
    return statuses
  }
  const prices = async () => {
    const { body } = await newer('GET', '/v1/products')
    return Object(body).products.map(({ price }: { price: number }) => price)
  }
  const statuses = await Promise.all([write(older, 1_000), write(newer, 0), write(newer, 100)])
  expect(statuses.flat().filter((status) => status !== 200)).toEqual([])
  const left: number[] = await prices()

  const { body } = await newer('GET', '/v1/changes?limit=100')
  const newest: string[] = Object(body).changes.map(({ id }: { id: string }) => id)
  expect(new Set(newest)).toEqual(new Set([...newest, ...changes]))
  for (const id of newest.filter((one) => changes.includes(one)))
    expect((await undo(id)).status).toBe(200)
  const after: number[] = await prices()
  expect(after.filter((price, n) => (left[n] ?? 0) >= 1_000 && price !== left[n])).toEqual([])
  expect(after.filter((price) => price > 0 && price < 1_000)).toEqual([])
})
