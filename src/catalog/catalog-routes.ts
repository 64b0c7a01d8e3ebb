/** The endpoints of a resource, the same for products and stores. */
import type { Context } from 'hono'
import { z } from 'zod'
import type { Database } from '../db/connection.ts'
import { type ApiContext, endpoint, noBody, none } from '../http/endpoint.ts'
import { AppError } from '../lib/errors.ts'
import { id } from '../lib/fields.ts'
import { errorMap } from '../lib/validation.ts'
import { getRecord, listRecords, matchesOf, type Tagged } from './catalog-reads.ts'
import type { CatalogResource, CatalogTable, CatalogTypes } from './catalog-resource.ts'
import {
  createRecord,
  patchRecord,
  removeRecord,
  saveRecord,
  saveRecords,
} from './catalog-writes.ts'
import type { LintSettings } from './lint-rules.ts'

const byId = z.strictObject({ id })
const maxBatch = 1000

type Routes<T extends CatalogTypes> = {
  api: ApiContext
  db: Database
  resource: CatalogResource<T>
  lint: LintSettings
}

export function catalogRoutes<T extends CatalogTypes>(
  api: ApiContext,
  db: Database,
  resource: CatalogResource<T>,
  lint: LintSettings,
): void {
  const routes = { api, db, resource, lint }
  readRoutes(routes)
  createRoutes(routes)
  changeRoutes(routes)
}

const counts = z
  .strictObject({ created: z.int(), updated: z.int(), unchanged: z.int() })
  .meta({ id: 'BatchCounts' })

/** As OpenAPI names it: `Product`. */
const nameOf = ({ name }: CatalogTable) => `${name.charAt(0).toUpperCase()}${name.slice(1)}`

const common = { params: none, query: none, body: noBody }

function recordResponse<T extends CatalogTypes>(resource: CatalogResource<T>, description: string) {
  return { description, schema: resource.record, etag: true }
}

function respondWithRecord(
  c: Context,
  { record, etag }: Tagged<unknown>,
  status: 200 | 201 = 200,
): Response {
  c.header('ETag', `"${etag}"`)
  return c.json(record, status)
}

function readRoutes<T extends CatalogTypes>({ api, db, resource, lint }: Routes<T>): void {
  const plural = `${resource.name}s`
  const typeName = nameOf(resource)
  const page = z
    .strictObject({
      [plural]: z.array(resource.record),
      next_cursor: z.string().nullable(),
      count: z.int().optional().meta({ description: 'Of all pages, with count=true' }),
      etags: z
        .record(z.string(), z.string())
        .optional()
        .meta({ description: 'By id, with etags=true' }),
    })
    .meta({ id: `${typeName}Page` })
  const reads = { ...common, method: 'get', tag: plural, scope: 'read' } as const

  endpoint(
    api,
    {
      ...reads,
      path: `/v1/${plural}`,
      operationId: `list${typeName}s`,
      summary: `List ${plural}`,
      query: resource.query,
      responses: { 200: { description: 'A page', schema: page } },
    },
    async ({ query }, c) => {
      const listed = await listRecords(db, resource, matchesOf(resource, query, lint), query)
      const { records, nextCursor, count, etags } = listed
      return c.json({ [plural]: records, next_cursor: nextCursor, count, etags })
    },
  )
  endpoint(
    api,
    {
      ...reads,
      path: `/v1/${plural}/{id}`,
      operationId: `get${typeName}`,
      summary: `Read a ${resource.name}`,
      params: byId,
      responses: { 200: recordResponse(resource, 'As it is now') },
      errors: ['not_found'],
    },
    async ({ params }, c) => respondWithRecord(c, await getRecord(db, resource, params.id)),
  )
}

function createRoutes<T extends CatalogTypes>({ api, db, resource }: Routes<T>): void {
  const plural = `${resource.name}s`
  const writes = { ...common, method: 'post', tag: plural, scope: 'write', recorded: true } as const
  const typeName = nameOf(resource)
  const batch = z
    .strictObject({ [plural]: z.array(resource.input).min(1).max(maxBatch) })
    .meta({ id: `${typeName}Batch` })

  endpoint(
    api,
    {
      ...writes,
      path: `/v1/${plural}`,
      operationId: `create${typeName}`,
      summary: `Create a ${resource.name}`,
      body: resource.input,
      responses: { 201: recordResponse(resource, 'Created') },
      errors: ['conflict'],
    },
    async ({ body, recording }, c) =>
      respondWithRecord(c, await createRecord(db.recorded(recording), resource, body), 201),
  )
  endpoint(
    api,
    {
      ...writes,
      path: `/v1/${plural}/batch`,
      operationId: `save${typeName}Batch`,
      summary: `Create or replace up to ${maxBatch} ${plural}, all or nothing`,
      body: batch,
      responses: {
        200: { description: 'How many were created, updated or left unchanged', schema: counts },
      },
      errors: ['conflict'],
    },
    async ({ body, recording }, c) =>
      c.json(await saveRecords(db.recorded(recording), resource, body[plural] ?? [])),
  )
}

function changeRoutes<T extends CatalogTypes>({ api, db, resource }: Routes<T>): void {
  const { name } = resource
  const typeName = nameOf(resource)
  const changes = {
    ...common,
    path: `/v1/${name}s/{id}`,
    params: byId,
    tag: `${name}s`,
    scope: 'write',
    recorded: true,
    ifMatch: true,
  } as const

  endpoint(
    api,
    {
      ...changes,
      method: 'put',
      operationId: `save${typeName}`,
      summary: `Create or replace a ${name}; links that are left out stay`,
      body: resource.replacement,
      responses: {
        200: recordResponse(resource, 'Replaced, or the same already'),
        201: recordResponse(resource, 'Created'),
      },
      errors: ['conflict'],
    },
    async ({ params, body, ifMatch, recording }, c) => {
      if (body.id !== undefined && body.id !== params.id) {
        throw new AppError('invalid', 'The id in the body differs from the id in the path.', [
          { field: 'id', detail: `must be "${params.id}" or left out` },
        ])
      }
      const saved = await saveRecord(
        db.recorded(recording),
        resource,
        resource.input.parse({ ...body, id: params.id }, { error: errorMap }),
        ifMatch,
      )
      return respondWithRecord(c, saved, saved.created ? 201 : 200)
    },
  )
  endpoint(
    api,
    {
      ...changes,
      method: 'patch',
      operationId: `patch${typeName}`,
      summary: `Change some fields of a ${name} by a JSON merge patch`,
      body: resource.patch,
      responses: { 200: recordResponse(resource, 'As it is now') },
      errors: ['not_found'],
    },
    async ({ params, body, ifMatch, recording }, c) =>
      respondWithRecord(
        c,
        await patchRecord(db.recorded(recording), resource, params.id, body, ifMatch),
      ),
  )
  endpoint(
    api,
    {
      ...changes,
      method: 'delete',
      operationId: `remove${typeName}`,
      summary: `Remove a ${name} and its links`,
      responses: { 204: { description: 'Removed' } },
      errors: ['not_found'],
    },
    async ({ params, ifMatch, recording }, c) => {
      await removeRecord(db.recorded(recording), resource, params.id, ifMatch)
      return c.body(null, 204)
    },
  )
}
