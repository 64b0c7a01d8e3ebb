/** In charge of the endpoints that products and stores have alike: list, read, make, replace, patch, remove, batch. */
import type { Context } from 'hono'
import { z } from 'zod'
import type { Database } from '../db/connect.ts'
import { Refusal } from '../errors.ts'
import type { CatalogDraft, CatalogFilter, CatalogTable, Kind } from '../services/catalog-kind.ts'
import { getRecord, listRecords, type Page, type Tagged } from '../services/catalog-reads.ts'
import {
  createRecord,
  patchRecord,
  removeRecord,
  saveRecord,
  saveRecords,
} from '../services/catalog-writes.ts'
import { id, instant, text } from '../services/fields.ts'
import { type Door, endpoint, noBody, none } from './endpoint.ts'

export const booleanQuery = z
  .enum(['true', 'false'], 'must be true or false')
  .transform((value) => value === 'true')
  .optional()

export const pageQuery = {
  cursor: z
    .string()
    .max(2000)
    .optional()
    .meta({ description: 'The next_cursor of the page before' }),
  limit: z.coerce.number('must be a number').int().min(1).max(1000).default(100),
}

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
type Side<R extends { id: string }, D extends CatalogDraft, F extends CatalogFilter> = {
  door: Door
  db: Database
  kind: Kind<R, D, F>
  query: z.ZodObject & z.ZodType<F & Page>
}

export function catalogRoutes<
  R extends { id: string },
  D extends CatalogDraft,
  F extends CatalogFilter,
>(side: Side<R, D, F>): void {
  reading(side)
  making(side)
  changing(side)
}

const counts = z
  .strictObject({ created: z.int(), updated: z.int(), unchanged: z.int() })
  .meta({ id: 'BatchCounts' })

/** As clients and the document call it: `Product`. */
const nameOf = ({ noun }: CatalogTable) => `${noun.charAt(0).toUpperCase()}${noun.slice(1)}`

const common = { params: none, query: none, body: noBody }

function one<R, D extends CatalogDraft, F extends CatalogFilter>(
  kind: Kind<R, D, F>,
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

function reading<R extends { id: string }, D extends CatalogDraft, F extends CatalogFilter>({
  door,
  db,
  kind,
  query,
}: Side<R, D, F>): void {
  const plural = `${kind.noun}s`
  const name = nameOf(kind)
  const page = z
    .strictObject({ [plural]: z.array(kind.record), next_cursor: z.string().nullable() })
    .meta({ id: `${name}Page` })
  const reads = { ...common, method: 'get', tag: plural, scope: 'read' } as const

  endpoint(
    door,
    {
      ...reads,
      path: `/v1/${plural}`,
      operationId: `list${name}s`,
      summary: `List ${plural}`,
      query,
      answers: { 200: { description: 'A page, in the order of ids', schema: page } },
    },
    async (input, c) => {
      const { records, nextCursor } = await listRecords(db, kind, input.query, input.query)
      return c.json({ [plural]: records, next_cursor: nextCursor })
    },
  )
  endpoint(
    door,
    {
      ...reads,
      path: `/v1/${plural}/{id}`,
      operationId: `get${name}`,
      summary: `Read a ${kind.noun}`,
      params: byId,
      answers: { 200: one(kind, 'As it is now') },
      refuses: ['not_found'],
    },
    async ({ params }, c) => answerRecord(c, await getRecord(db, kind, params.id)),
  )
}

function making<R extends { id: string }, D extends CatalogDraft, F extends CatalogFilter>({
  door,
  db,
  kind,
}: Side<R, D, F>): void {
  const plural = `${kind.noun}s`
  const writes = { ...common, method: 'post', tag: plural, scope: 'write' } as const
  const name = nameOf(kind)
  const batch = z
    .strictObject({ [plural]: z.array(kind.draft).min(1).max(maxBatch) })
    .meta({ id: `${name}Batch` })

  endpoint(
    door,
    {
      ...writes,
      path: `/v1/${plural}`,
      operationId: `create${name}`,
      summary: `Make a ${kind.noun}`,
      body: kind.draft,
      answers: { 201: one(kind, 'Made') },
      refuses: ['conflict'],
    },
    async ({ body }, c) => answerRecord(c, await createRecord(db, kind, body), 201),
  )
  endpoint(
    door,
    {
      ...writes,
      path: `/v1/${plural}/batch`,
      operationId: `save${name}Batch`,
      summary: `Make or replace up to ${maxBatch} ${plural}, all or nothing`,
      body: batch,
      answers: { 200: { description: 'What became of them', schema: counts } },
      refuses: ['conflict'],
    },
    async ({ body }, c) => c.json(await saveRecords(db, kind, body[plural] ?? [])),
  )
}

function changing<R extends { id: string }, D extends CatalogDraft, F extends CatalogFilter>({
  door,
  db,
  kind,
}: Side<R, D, F>): void {
  const { noun } = kind
  const name = nameOf(kind)
  const changes = {
    ...common,
    path: `/v1/${noun}s/{id}`,
    params: byId,
    tag: `${noun}s`,
    scope: 'write',
    ifMatch: true,
  } as const

  endpoint(
    door,
    {
      ...changes,
      method: 'put',
      operationId: `save${name}`,
      summary: `Make a ${noun} or replace it whole; links that are left out stay`,
      body: kind.replacement,
      answers: { 200: one(kind, 'Replaced, or the same already'), 201: one(kind, 'Made') },
      refuses: ['conflict'],
    },
    async ({ params, body, ifMatch }, c) => {
      if (body.id !== undefined && body.id !== params.id) {
        throw new Refusal('invalid', 'The body names another id than the path.', [
          { field: 'id', detail: `must be "${params.id}" or be left out` },
        ])
      }
      const saved = await saveRecord(
        db,
        kind,
        kind.draft.parse({ ...body, id: params.id }),
        ifMatch,
      )
      return answerRecord(c, saved, saved.created ? 201 : 200)
    },
  )
  endpoint(
    door,
    {
      ...changes,
      method: 'patch',
      operationId: `patch${name}`,
      summary: `Change some fields of a ${noun} by a JSON merge patch`,
      body: kind.patch,
      answers: { 200: one(kind, 'As it is now') },
      refuses: ['not_found'],
    },
    async ({ params, body, ifMatch }, c) =>
      answerRecord(c, await patchRecord(db, kind, params.id, body, ifMatch)),
  )
  endpoint(
    door,
    {
      ...changes,
      method: 'delete',
      operationId: `remove${name}`,
      summary: `Remove a ${noun} and its links`,
      answers: { 204: { description: 'Removed' } },
      refuses: ['not_found'],
    },
    async ({ params, ifMatch }, c) => {
      await removeRecord(db, kind, params.id, ifMatch)
      return c.body(null, 204)
    },
  )
}
