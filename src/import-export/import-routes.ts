/** Imports by REST: a file is kept and checked, looked at, and applied. */
import type { z } from 'zod'
import type { Database } from '../db/connection.ts'
import { type ApiContext, endpoint, noBody, none } from '../http/endpoint.ts'
import { AppError } from '../lib/errors.ts'
import { columnsOf } from './columns.ts'
import { type ImportQuery, importId, importQuery, readImportQuery } from './import-contract.ts'
import { importKinds } from './import-kinds.ts'
import type { ImportRuns } from './import-runs.ts'
import { importFormats, importList, importRecord } from './import-schemas.ts'
import { presets } from './presets/presets.ts'
import {
  addImport,
  beginApplication,
  beginCheck,
  getImport,
  getRejects,
  type ImportFindings,
  listImports,
  removeImport,
  type StoredImport,
} from './stored-imports.ts'

const common = { tag: 'imports', params: none, query: none, body: noBody } as const
const one = { ...common, params: importId } as const
const csv = 'text/csv'
const ndjson = 'application/x-ndjson'
const fileTypes = [csv, ndjson, 'application/octet-stream']

export function importRoutes(api: ApiContext, db: Database, runs: ImportRuns): void {
  readRoutes(api, db)
  checkRoutes(api, db, runs)
  endpoint(
    api,
    {
      ...one,
      method: 'post',
      path: '/v1/imports/{id}/apply',
      operationId: 'applyImport',
      summary: 'Apply a checked import, once',
      scope: 'write',
      recorded: true,
      errors: ['not_found', 'conflict'],
      responses: {
        200: {
          description: 'Applied; after ten seconds still applying',
          schema: importRecord,
        },
      },
    },
    async ({ params, recording }, c) => {
      const run = await beginApplication(db, params.id)
      const { kind, options } = readImportQuery(importQuery.parse(run.options))
      recording.author.via = 'import'
      await runs.start({ run, kind, options, dryRun: false, recording })
      return c.json(recordOf(await getImport(db, params.id)))
    },
  )
  endpoint(
    api,
    {
      ...one,
      method: 'delete',
      path: '/v1/imports/{id}',
      operationId: 'removeImport',
      summary: 'Remove an import that is not being applied',
      scope: 'write',
      errors: ['not_found', 'conflict'],
      responses: { 204: { description: 'Removed; what it wrote stays' } },
    },
    async ({ params }, c) => {
      await removeImport(db, params.id)
      return c.body(null, 204)
    },
  )
}

function checkRoutes(api: ApiContext, db: Database, runs: ImportRuns): void {
  const checked = {
    description: 'Checked or refused; after ten seconds still checking',
    schema: importRecord,
  }
  endpoint(
    api,
    {
      ...common,
      method: 'post',
      path: '/v1/imports',
      operationId: 'createImport',
      summary: 'Keep a file of up to 10 MB for a day and check it',
      scope: 'write',
      query: importQuery,
      file: fileTypes,
      errors: ['conflict'],
      responses: { 201: checked },
    },
    async ({ query, file }, c) => {
      const { kind, options } = readImportQuery(query)
      if (file.length === 0) throw new AppError('invalid', 'The file is empty.')
      const run = await addImport(db, { kind: kind.name, options: stored(query) }, file)
      await runs.start({ run, kind, options, dryRun: true })
      return c.json(recordOf(await getImport(db, run.id)), 201)
    },
  )
  endpoint(
    api,
    {
      ...one,
      method: 'post',
      path: '/v1/imports/{id}/check',
      operationId: 'checkImport',
      summary: 'Check the file again, with other options',
      scope: 'write',
      query: importQuery,
      errors: ['not_found', 'conflict'],
      responses: { 200: checked },
    },
    async ({ params, query }, c) => {
      const { kind, options } = readImportQuery(query)
      const given = { kind: kind.name, options: stored(query) }
      const run = await beginCheck(db, params.id, given)
      await runs.start({ run, kind, options, dryRun: true })
      return c.json(recordOf(await getImport(db, params.id)))
    },
  )
}

function readRoutes(api: ApiContext, db: Database): void {
  endpoint(
    api,
    {
      ...common,
      method: 'get',
      path: '/v1/imports/formats',
      operationId: 'listImportFormats',
      summary: 'What can be imported: kinds, their fields, and exports of other systems',
      scope: 'read',
      responses: { 200: { description: 'Kinds and presets', schema: importFormats } },
    },
    async (_, c) => {
      const kinds = importKinds.map(({ name, schema, mergeSchema }) => ({
        name,
        fields: columnsOf(schema).names,
        merges: mergeSchema !== null,
      }))
      return c.json({
        kinds,
        presets: presets.map(({ name, kind, about }) => ({ name, kind, about })),
      })
    },
  )
  endpoint(
    api,
    {
      ...common,
      method: 'get',
      path: '/v1/imports',
      operationId: 'listImports',
      summary: 'List the imports of the last day, the newest first',
      scope: 'read',
      responses: { 200: { description: 'At most 50', schema: importList } },
    },
    async (_, c) => c.json({ imports: (await listImports(db)).map(summaryOf) }),
  )
  endpoint(
    api,
    {
      ...one,
      method: 'get',
      path: '/v1/imports/{id}',
      operationId: 'getImport',
      summary: 'Get an import: what it would do, or did',
      scope: 'read',
      errors: ['not_found'],
      responses: { 200: { description: 'The import', schema: importRecord } },
    },
    async ({ params }, c) => c.json(recordOf(await getImport(db, params.id))),
  )
  endpoint(
    api,
    {
      ...one,
      method: 'get',
      path: '/v1/imports/{id}/rejects',
      operationId: 'getRejects',
      summary: 'Get the rejected rows as a file to correct and import',
      scope: 'read',
      errors: ['not_found'],
      responses: {
        200: { description: 'At most 10,000 rejects, with line and reason', text: [csv, ndjson] },
      },
    },
    async ({ params }, c) => {
      const { result } = await getImport(db, params.id)
      const isTable = result?.columns != null
      c.header('Content-Type', `${isTable ? csv : ndjson}; charset=utf-8`)
      c.header(
        'Content-Disposition',
        `attachment; filename="rejects.${isTable ? 'csv' : 'ndjson'}"`,
      )
      return c.body(await getRejects(db, params.id))
    },
  )
}

/** So that it is read again as it was given. */
const stored = (query: ImportQuery) =>
  Object.fromEntries(
    Object.entries(query).map(([name, value]) => [
      name,
      typeof value === 'boolean' ? String(value) : value,
    ]),
  )

function summaryOf({ result, options, ...stored }: StoredImport) {
  const counts = result && { ...result.counts, lacking: result.lacking }
  return { ...stored, options, counts: stored.status === 'refused' ? null : counts }
}

const nothing: Omit<ImportFindings, 'counts' | 'lacking'> = {
  columns: null,
  emptied: {},
  changes: [],
  rejected: [],
  notes: [],
}

function recordOf(found: StoredImport): z.output<typeof importRecord> {
  const { columns, emptied, changes, rejected, notes, change_id = null } = found.result ?? nothing
  return { ...summaryOf(found), columns, emptied, changes, rejected, notes, change_id }
}
