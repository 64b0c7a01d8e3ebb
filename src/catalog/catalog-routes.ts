/** In charge of the endpoints that products and stores have alike: list, read, make, replace, patch, remove, batch. */

import type { Context } from 'hono'
import { z } from 'zod'
import type { Database } from '../db/connection.ts'
import { type ApiContext, endpoint, noBody, none } from '../http/endpoint.ts'
import { AppError } from '../lib/errors.ts'
import { id, instant, text } from '../lib/fields.ts'
import { booleanQuery, type Page, pageQuery } from '../lib/pagination.ts'
import { getRecord, listRecords, type Tagged } from './catalog-reads.ts'
import type {
  CatalogFilter,
  CatalogInput,
  CatalogResource,
  CatalogTable,
} from './catalog-resource.ts'
import {
  createRecord,
  patchRecord,
  removeRecord,
  saveRecord,
  saveRecords,
} from './catalog-writes.ts'

export const catalogQuery = z.strictObject({
  ...pageQuery,
  q: text(255).optional().meta({ description: 'Part of the id or of a name, in any case' }),
  category: text(255).optional().meta({ description: 'The whole name of a category' }),
  published: booleanQuery,
  updated_since: instant.optional().meta({ description: 'Only what was written then or later' }),
})

const byId = z.strictObject({ id })
const maxBatch = 1000

/** What the endpoints of one kind work with; the query's schema is the kind's own. */
type CatalogRouteOptions<
  R extends { id: string },
  D extends CatalogInput,
  F extends CatalogFilter,
> = {
  api: ApiContext
  db: Database
  kind: CatalogResource<R, D, F>
  query: z.ZodObject & z.ZodType<F & Page>
}

export function catalogRoutes<
  R extends { id: string },
  D extends CatalogInput,
  F extends CatalogFilter,
>(side: CatalogRouteOptions<R, D, F>): void {
  reading(side)
  making(side)
  changing(side)
}

const counts = z
  .strictObject({ created: z.int(), updated: z.int(), unchanged: z.int() })
  .meta({ id: 'BatchCounts' })

/** As clients and the document call it: `Product`. */
const nameOf = ({ name }: CatalogTable) => `${name.charAt(0).toUpperCase()}${name.slice(1)}`

const common = { params: none, query: none, body: noBody }

function one<R, D extends CatalogInput, F extends CatalogFilter>(
  kind: CatalogResource<R, D, F>,
  description: string,
) {
  return { description, schema: kind.record, etag: true }
}

function answerRecord(
  c: Context,
  { record, etag }: Tagged<unknown>,
  status: 200 | 201 = 200,
): Response {
  c.header('ETag', `"${etag}"`)
  return c.json(record, status)
}

function reading<R extends { id: string }, D extends CatalogInput, F extends CatalogFilter>({
  api,
  db,
  kind,
  query,
}: CatalogRouteOptions<R, D, F>): void {
  const plural = `${kind.name}s`
  const typeName = nameOf(kind)
  const page = z
    .strictObject({ [plural]: z.array(kind.record), next_cursor: z.string().nullable() })
    .meta({ id: `${typeName}Page` })
  const reads = { ...common, method: 'get', tag: plural, scope: 'read' } as const

  endpoint(
    api,
    {
      ...reads,
      path: `/v1/${plural}`,
      operationId: `list${typeName}s`,
      summary: `List ${plural}`,
      query,
      responses: { 200: { description: 'A page, in the order of ids', schema: page } },
    },
    async (input, c) => {
      const { records, nextCursor } = await listRecords(db, kind, input.query, input.query)
      return c.json({ [plural]: records, next_cursor: nextCursor })
    },
  )
  endpoint(
    api,
    {
      ...reads,
      path: `/v1/${plural}/{id}`,
      operationId: `get${typeName}`,
      summary: `Read a ${kind.name}`,
      params: byId,
      responses: { 200: one(kind, 'As it is now') },
      errors: ['not_found'],
    },
    async ({ params }, c) => answerRecord(c, await getRecord(db, kind, params.id)),
  )
}

function making<R extends { id: string }, D extends CatalogInput, F extends CatalogFilter>({
  api,
  db,
  kind,
}: CatalogRouteOptions<R, D, F>): void {
  const plural = `${kind.name}s`
  const writes = { ...common, method: 'post', tag: plural, scope: 'write' } as const
  const typeName = nameOf(kind)
  const batch = z
    .strictObject({ [plural]: z.array(kind.input).min(1).max(maxBatch) })
    .meta({ id: `${typeName}Batch` })

  endpoint(
    api,
    {
      ...writes,
      path: `/v1/${plural}`,
      operationId: `create${typeName}`,
      summary: `Make a ${kind.name}`,
      body: kind.input,
      responses: { 201: one(kind, 'Made') },
      errors: ['conflict'],
    },
    async ({ body }, c) => answerRecord(c, await createRecord(db, kind, body), 201),
  )
  endpoint(
    api,
    {
      ...writes,
      path: `/v1/${plural}/batch`,
      operationId: `save${typeName}Batch`,
      summary: `Make or replace up to ${maxBatch} ${plural}, all or nothing`,
      body: batch,
      responses: { 200: { description: 'What became of them', schema: counts } },
      errors: ['conflict'],
    },
    async ({ body }, c) => c.json(await saveRecords(db, kind, body[plural] ?? [])),
  )
}

function changing<R extends { id: string }, D extends CatalogInput, F extends CatalogFilter>({
  api,
  db,
  kind,
}: CatalogRouteOptions<R, D, F>): void {
  const { name } = kind
  const typeName = nameOf(kind)
  const changes = {
    ...common,
    path: `/v1/${name}s/{id}`,
    params: byId,
    tag: `${name}s`,
    scope: 'write',
    ifMatch: true,
  } as const

  endpoint(
    api,
    {
      ...changes,
      method: 'put',
      operationId: `save${typeName}`,
      summary: `Make a ${name} or replace it whole; links that are left out stay`,
      body: kind.replacement,
      responses: { 200: one(kind, 'Replaced, or the same already'), 201: one(kind, 'Made') },
      errors: ['conflict'],
    },
    async ({ params, body, ifMatch }, c) => {
      if (body.id !== undefined && body.id !== params.id) {
        throw new AppError('invalid', 'The body names another id than the path.', [
          { field: 'id', detail: `must be "${params.id}" or be left out` },
        ])
      }
      const saved = await saveRecord(
        db,
        kind,
        kind.input.parse({ ...body, id: params.id }),
        ifMatch,
      )
      return answerRecord(c, saved, saved.created ? 201 : 200)
    },
  )
  endpoint(
    api,
    {
      ...changes,
      method: 'patch',
      operationId: `patch${typeName}`,
      summary: `Change some fields of a ${name} by a JSON merge patch`,
      body: kind.patch,
      responses: { 200: one(kind, 'As it is now') },
      errors: ['not_found'],
    },
    async ({ params, body, ifMatch }, c) =>
      answerRecord(c, await patchRecord(db, kind, params.id, body, ifMatch)),
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
    async ({ params, ifMatch }, c) => {
      await removeRecord(db, kind, params.id, ifMatch)
      return c.body(null, 204)
    },
  )
}
