import { z } from 'zod'
import type { Database } from '../db/connection.ts'
import { type ApiContext, endpoint, noBody, none } from '../http/endpoint.ts'
import { changeDetail, changePage, undoResult } from './change-schemas.ts'
import { changeQuery, getChange, listChanges, recordsQuery } from './changes.ts'
import { undoChange } from './undo.ts'

const byId = z.strictObject({ id: z.uuid('must be the id of a change') })
const common = { tag: 'changes', scope: 'read', params: none, query: none, body: noBody } as const

const undo = z.strictObject({ dry_run: z.boolean().default(false) }).meta({
  id: 'UndoInput',
  description: 'A dry run tells what would be restored, and what would not',
})

export function historyRoutes(api: ApiContext, db: Database): void {
  endpoint(
    api,
    {
      ...common,
      method: 'get',
      path: '/v1/changes',
      operationId: 'listChanges',
      summary: 'List who changed what in the catalog, newest first',
      query: changeQuery,
      responses: { 200: { description: 'A page', schema: changePage } },
    },
    async ({ query }, c) => {
      const { changes, nextCursor } = await listChanges(db, query, query)
      return c.json({ changes, next_cursor: nextCursor })
    },
  )
  endpoint(
    api,
    {
      ...common,
      method: 'get',
      path: '/v1/changes/{id}',
      operationId: 'getChange',
      summary: 'Read a change, and its records page by page',
      params: byId,
      query: recordsQuery,
      responses: { 200: { description: 'As it was recorded', schema: changeDetail } },
      errors: ['not_found'],
    },
    async ({ params, query }, c) => {
      const found = await getChange(db, params.id, query)
      return c.json({ ...found.change, next_cursor: found.nextCursor })
    },
  )
  endpoint(
    api,
    {
      ...common,
      scope: 'write',
      recorded: true,
      method: 'post',
      path: '/v1/changes/{id}/undo',
      operationId: 'undoChange',
      summary: 'Restore what is still as a change left it, and name the rest',
      params: byId,
      body: undo,
      responses: { 200: { description: 'What was restored', schema: undoResult } },
      errors: ['not_found', 'conflict'],
    },
    async ({ params, body, recording }, c) =>
      c.json(await undoChange(db, params.id, { recording, dryRun: body.dry_run })),
  )
}
