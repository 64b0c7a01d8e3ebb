/** The OpenAPI document is valid, complete, and fit for readers and code generators. */
import { Validator } from '@seriousme/openapi-schema-validator'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Author } from '../../src/db/recording.ts'
import { rendererOf } from '../../src/feeds/renderer.ts'
import { createApp } from '../../src/server/app.ts'
import { createLogger } from '../../src/server/logger.ts'

import { createMetrics } from '../../src/server/metrics.ts'

import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startTestServer } from '../support/server.ts'

type Parameter = { name: string; in: string; required?: boolean; schema: { example?: string } }
type Operation = {
  operationId: string
  summary: string
  tags: string[]
  security?: Record<string, string[]>[]
  parameters?: Parameter[]
  requestBody?: { content: Record<string, { example?: object | string }> }
  responses: Record<string, { description?: string; headers?: object }>
}
type Document = {
  openapi: string
  info: { license: { name: string; url?: string } }
  servers: { url: string }[]
  paths: Record<string, Record<string, Operation>>
  components: {
    schemas: Record<string, object>
    securitySchemes: Record<string, { type: string; scheme?: string }>
  }
  tags: { name: string }[]
}

/** As Node describes the connection of a request. */
const connection = { incoming: { socket: {} } }

const nobody: Author = { via: 'rest', keyId: null, name: null }

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
  const config = { publicUrl: null, currency: 'USD', maxListBytes: 100_000, storeProductIds: true }
  return createApp({
    db,
    config,
    log: createLogger('silent'),
    metrics: createMetrics(),
    state: { stopping: false, loading: false },
    renderer: rendererOf({ currency: 'USD', storeProductIds: true }),
    feedProgress: () => undefined,
    authorize: async () => nobody,
    authorizeMetrics: async () => nobody,
    count: async () => undefined,
    verify: async () => null,
    feeds: { poll: () => Promise.reject(new Error('nobody polls')) },
    workMs: 1000,
    imports: { start: async () => undefined, stop: async () => undefined },
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

test('it lists every route of the application but those of pages, and the feeds', () => {
  const registered = app.routes
    .filter(
      ({ method, path }) => method !== 'ALL' && path !== '/' && !/^\/(docs|console)/.test(path),
    )
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
  const listed = operations().map(({ path, method }) => `${method.toUpperCase()} ${path}`)
  // Polls are served before any routing.
  expect(listed.sort()).toEqual([...registered, 'GET /feeds/{file}'].sort())
})

test('every operation has a unique name, a summary, and a tag with a description', () => {
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
      "patchProducts",
      "getProduct",
      "saveProduct",
      "patchProduct",
      "removeProduct",
      "saveProductBatch",
      "changeMatchingProducts",
      "listStores",
      "createStore",
      "patchStores",
      "getStore",
      "saveStore",
      "patchStore",
      "removeStore",
      "saveStoreBatch",
      "changeMatchingStores",
      "addStoreOfProduct",
      "removeStoreOfProduct",
      "addProductOfStore",
      "removeProductOfStore",
      "changeAvailability",
      "changeMatchingAvailability",
      "suggestValues",
      "listFeeds",
      "listHeldItems",
      "releaseFeed",
      "listChanges",
      "getChange",
      "undoChange",
      "reportFeed",
      "summarizeReport",
      "getFeedItem",
      "getCustomer",
      "saveCustomer",
      "patchCustomer",
      "eraseCustomer",
      "searchCustomers",
      "listOrders",
      "recordOrder",
      "getOrder",
      "saveOrder",
      "recordFulfillment",
      "recordCancellation",
      "recordRefund",
      "recordVisit",
      "listVisits",
      "summarizeEvents",
      "listEventErrors",
      "listEvents",
      "getEvent",
      "retryFailedEvents",
      "discardEvents",
      "retryEvent",
      "discardEvent",
      "listImportFormats",
      "listImports",
      "createImport",
      "getImport",
      "removeImport",
      "getRejects",
      "checkImport",
      "applyImport",
      "exportRecords",
      "createKey",
      "listKeys",
      "getOwnKey",
      "revokeKey",
      "getDocument",
    ]
  `)
})

test('each schema has a name and is defined once', () => {
  expect(Object.keys(document.components.schemas).sort()).toMatchInlineSnapshot(`
    [
      "Address",
      "AvailabilityBatch",
      "AvailabilityChange",
      "AvailabilityCounts",
      "AvailabilityResult",
      "BatchCounts",
      "BulkResult",
      "CancellationInput",
      "CatalogValues",
      "CategoryChange",
      "Change",
      "ChangeDetail",
      "ChangePage",
      "ChangedRecord",
      "CountedFinding",
      "CreatedKey",
      "Customer",
      "CustomerInput",
      "CustomerPatch",
      "CustomerReplacement",
      "CustomerSearch",
      "CustomersFound",
      "Event",
      "EventCause",
      "EventCauses",
      "EventDiscard",
      "EventDiscardCounts",
      "EventPage",
      "EventRetry",
      "EventRetryCounts",
      "EventSummary",
      "FeedItem",
      "FeedItemView",
      "FeedStatus",
      "Finding",
      "FulfillmentInput",
      "HeldItems",
      "Import",
      "ImportFormats",
      "ImportList",
      "ImportSummary",
      "Key",
      "KeyInput",
      "ListedVisit",
      "Order",
      "OrderAmendment",
      "OrderInput",
      "OrderPage",
      "OrderReplacement",
      "OrderUpdate",
      "PatchCounts",
      "PriceChange",
      "Problem",
      "Product",
      "ProductBatch",
      "ProductBulkChange",
      "ProductFieldPatch",
      "ProductFilters",
      "ProductInput",
      "ProductPage",
      "ProductPatch",
      "ProductPatches",
      "ProductReplacement",
      "ProductTaggedPatch",
      "QueueSummary",
      "Readiness",
      "RefundInput",
      "ReportSummary",
      "ReportedItem",
      "Store",
      "StoreBatch",
      "StoreBulkChange",
      "StoreFieldPatch",
      "StoreFilters",
      "StoreInput",
      "StorePage",
      "StorePatch",
      "StorePatches",
      "StoreReplacement",
      "StoreTaggedPatch",
      "UndoConflict",
      "UndoInput",
      "UndoResult",
      "Visit",
      "VisitInput",
      "VisitPage",
      "Warning",
    ]
  `)
  const text = JSON.stringify(document.paths)
  expect(text).toContain('"$ref":"#/components/schemas/ProductInput"')
  expect(text).not.toContain('"in_store_only":{')
})

test('every operation says whether it needs a key, and which errors follow without one', () => {
  const open = ['/healthz', '/readyz', '/openapi.json']
  for (const { path, operation } of operations()) {
    const statuses = Object.keys(operation.responses)
    if (open.includes(path)) expect(operation.security).toEqual([])
    else {
      expect(operation.security?.[0]).toEqual({ key: [] })
      expect(statuses).toEqual(expect.arrayContaining(['401', '403', '429', '503']))
    }
  }
  expect(Object.entries(document.components.securitySchemes)[0]).toEqual([
    'key',
    { type: 'http', scheme: 'bearer' },
  ])
})

/** Besides the rules that other tests here check. */
test('the document follows the recommended rules of linters', () => {
  expect(document.info.license.url).toMatch(/^https:/)
  expect(document.servers).toEqual([{ url: '/' }])
  const shapes = Object.keys(document.paths).map((path) => path.replaceAll(/\{\w+\}/g, '{}'))
  expect(new Set(shapes).size).toBe(shapes.length)
  for (const { path, method, operation } of operations()) {
    const where = `${method} ${path}`
    expect(path, where).toMatch(/^(\/([\w.-]+|\{\w+\}))+$/)
    const statuses = Object.keys(operation.responses)
    expect(
      statuses.some((status) => status.startsWith('2')),
      where,
    ).toBe(true)
    expect(
      statuses.some((status) => status.startsWith('4')),
      where,
    ).toBe(true)
    for (const { description } of Object.values(operation.responses))
      expect(description, where).toMatch(/\S/)
    const given = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path')
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    expect(given.map(({ name }) => name).sort(), where).toEqual(named.sort())
    expect(new Set(given.map(({ required }) => required ?? false))).not.toContain(false)
    for (const scheme of (operation.security ?? []).flatMap(Object.keys))
      expect(Object.keys(document.components.securitySchemes), where).toContain(scheme)
  }
})

test('every schema that is referred to exists, and none is unused', () => {
  const references = JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)
  const used = new Set([...references].map(([, name]) => name))
  expect([...used].sort()).toEqual(Object.keys(document.components.schemas).sort())
})

test('a write of the catalog names its change', () => {
  const catalog = ['products', 'stores', 'availability']
  const writes = operations().filter(
    ({ method, operation }) => method !== 'get' && catalog.includes(operation.tags[0] ?? ''),
  )
  expect(writes.length).toBeGreaterThan(10)
  for (const { path, method, operation } of writes)
    for (const [status, response] of Object.entries(operation.responses))
      if (status.startsWith('2'))
        expect(Object.keys(response.headers ?? {}), `${method} ${path}`).toContain('Change-Id')
})

test('each request body has an example, and all of them succeed on an empty server in their order', async () => {
  const server = await startTestServer()
  let changeId = ''
  try {
    for (const { path, method, operation } of operations()) {
      if (!operation.requestBody) continue
      const { content } = operation.requestBody
      const type = content['application/json'] ? 'application/json' : 'text/csv'
      const body = content[type]?.example
      expect(body, operation.operationId).toBeDefined()
      const examples = new Map(
        operation.parameters?.map(({ name, schema }) => [name, schema.example]),
      )
      // An id that the server gives has no example.
      const target = path.replaceAll(/\{(\w+)\}/g, (_, name) => examples.get(name) ?? changeId)
      const query = type === 'text/csv' ? `?kind=${examples.get('kind')}` : ''
      const { status, text, headers } = await server.ask(
        method.toUpperCase(),
        target + query,
        body,
        { 'Content-Type': type },
      )
      changeId = headers.get('Change-Id') ?? changeId
      expect([operation.operationId, status < 300, text]).toEqual([
        operation.operationId,
        true,
        text,
      ])
    }
  } finally {
    await server.stop()
  }
})
