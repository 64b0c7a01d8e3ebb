/** In charge of showing that the OpenAPI document is valid, whole, and made for a person to read. */
import { Validator } from '@seriousme/openapi-schema-validator'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApp } from '../../src/server/app.ts'
import { createLogger } from '../../src/server/logger.ts'

import { createMetrics } from '../../src/server/metrics.ts'

import { createTestDatabase, type TestDatabase } from '../support/database.ts'

type Operation = { operationId: string; summary: string; tags: string[]; responses: object }
type Document = {
  openapi: string
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, object>; securitySchemes: object }
  tags: { name: string }[]
}

/** What a request came by, as node tells it. */
const connection = { incoming: { socket: {} } }

let database: TestDatabase
let app: ReturnType<typeof createApp>
let document: Document
beforeAll(async () => {
  database = await createTestDatabase()
  app = appOn(database)
  document = JSON.parse(await (await app.request('/openapi.json', {}, connection)).text())
})
afterAll(() => database.close())

function appOn({ db }: TestDatabase) {
  const config = { publicUrl: null, currency: 'USD' }
  return createApp({
    db,
    config,
    log: createLogger('silent'),
    metrics: createMetrics(),
    accepting: () => true,
    authorize: async () => undefined,
    count: async () => undefined,
    workMs: 1000,
  })
}

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )

test('the document is valid OpenAPI 3.1', async () => {
  const validator = new Validator()
  const result = await validator.validate(structuredClone(document))
  expect(result).toEqual({ valid: true })
  expect(validator.version).toBe('3.1')
})

test('it lists every route of the application but the page that shows it, and the feeds', () => {
  const hung = app.routes
    .filter(({ method, path }) => method !== 'ALL' && !path.startsWith('/docs'))
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
  const listed = operations().map(({ path, method }) => `${method.toUpperCase()} ${path}`)
  // Polls are answered before any routing.
  expect(listed.sort()).toEqual([...hung, 'GET /feeds/{file}'].sort())
})

test('every operation has a name of its own, a summary, and a tag that is explained', () => {
  const names = operations().map(({ operation }) => operation.operationId)
  expect(new Set(names).size).toBe(names.length)
  const tags = document.tags.map(({ name }) => name)
  for (const { path, method, operation } of operations()) {
    const where = `${method} ${path}`
    expect(operation.operationId, where).toMatch(/^[a-z]+[A-Z]\w+$/)
    expect(operation.summary, where).toMatch(/^[A-Z].{8,90}[^.]$/)
    expect(tags, where).toContain(operation.tags[0])
  }
})

test('the operations are named as they are in generated clients', () => {
  expect(operations().map(({ operation }) => operation.operationId)).toMatchInlineSnapshot(`
    [
      "getHealth",
      "getReadiness",
      "pollFeed",
      "getMetrics",
      "listProducts",
      "createProduct",
      "getProduct",
      "saveProduct",
      "patchProduct",
      "removeProduct",
      "saveProductBatch",
      "listStores",
      "createStore",
      "getStore",
      "saveStore",
      "patchStore",
      "removeStore",
      "saveStoreBatch",
      "addStoreOfProduct",
      "removeStoreOfProduct",
      "addProductOfStore",
      "removeProductOfStore",
      "listFeeds",
      "reportFeed",
      "releaseFeed",
      "getCustomer",
      "saveCustomer",
      "eraseCustomer",
      "listOrders",
      "recordOrder",
      "getOrder",
      "saveOrder",
      "recordFulfillment",
      "recordCancellation",
      "recordRefund",
      "recordVisit",
      "listEvents",
      "getEvent",
      "retryFailedEvents",
      "retryEvent",
      "discardEvent",
      "createKey",
      "listKeys",
      "revokeKey",
      "getDocument",
    ]
  `)
})

test('schemas stand once, under names of the trade', () => {
  expect(Object.keys(document.components.schemas).sort()).toMatchInlineSnapshot(`
    [
      "Address",
      "BatchCounts",
      "CancellationInput",
      "Customer",
      "CustomerInput",
      "CustomerReplacement",
      "Event",
      "EventPage",
      "FeedItem",
      "FeedStatus",
      "FulfillmentInput",
      "Key",
      "KeyInput",
      "MadeKey",
      "Order",
      "OrderInput",
      "OrderPage",
      "OrderReplacement",
      "OrderUpdate",
      "Problem",
      "Product",
      "ProductBatch",
      "ProductInput",
      "ProductPage",
      "ProductPatch",
      "ProductReplacement",
      "Readiness",
      "RefundInput",
      "ReportedItem",
      "Store",
      "StoreBatch",
      "StoreInput",
      "StorePage",
      "StorePatch",
      "StoreReplacement",
      "Visit",
      "VisitInput",
    ]
  `)
  const text = JSON.stringify(document.paths)
  expect(text).toContain('"$ref":"#/components/schemas/ProductInput"')
  expect(text).not.toContain('"in_store_only":{')
})

test('every operation that needs a key says so, and what is refused without one', () => {
  const open = ['/healthz', '/readyz', '/openapi.json']
  for (const { path, operation } of operations()) {
    const statuses = Object.keys(operation.responses)
    if (open.includes(path)) expect(operation).not.toHaveProperty('security')
    else {
      expect(operation).toHaveProperty('security')
      expect(statuses).toEqual(expect.arrayContaining(['401', '403', '429', '503']))
    }
  }
})
