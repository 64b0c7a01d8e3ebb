/** Exports by REST, as they are read: a file of any size, and no record of it in memory for longer than its page. */
import { z } from 'zod'
import type { Database } from '../db/connection.ts'
import { type ApiContext, endpoint, noBody } from '../http/endpoint.ts'
import { AppError } from '../lib/errors.ts'
import { semaphore } from '../lib/semaphore.ts'
import { withTimeout } from '../lib/with-timeout.ts'
import { type ExportKind, exportKinds, exportRecords } from './catalog-exports.ts'
import { createRecordWriter, type Format, formats, writeAll } from './record-writer.ts'

const types: Record<Format, string> = { csv: 'text/csv', ndjson: 'application/x-ndjson' }

/** Each holds a connection for as long as its client reads. */
const exportsAtOnce = 3
const waitMs = 20_000

export function exportRoutes(api: ApiContext, db: Database): void {
  const inTurn = semaphore(
    exportsAtOnce,
    waitMs,
    () => new AppError('unavailable', `${exportsAtOnce} exports run already. Try again later.`),
  )
  endpoint(
    api,
    {
      method: 'get',
      path: '/v1/exports/{kind}',
      operationId: 'exportRecords',
      summary: 'Export all records as a file that import reads back',
      tag: 'imports',
      scope: 'read',
      params: z.strictObject({ kind: z.enum(exportKinds.map(({ name }) => name)) }),
      query: z.strictObject({ format: z.enum(formats).default('csv') }),
      body: noBody,
      responses: {
        200: {
          description:
            'Of one consistent state; the connection is closed early if it cannot be completed',
          text: Object.values(types),
        },
      },
    },
    async ({ params, query: { format } }, c) => {
      const kind = exportKinds.find(({ name }) => name === params.kind)
      if (!kind) throw new AppError('not_found', 'There is no such export.')
      c.header('Content-Type', `${types[format]}; charset=utf-8`)
      c.header('Content-Disposition', `attachment; filename="${kind.name}.${format}"`)
      // Nobody would read the body that is made for it.
      if (c.req.method === 'HEAD') return c.body(null)
      return c.body(await startExport((work) => inTurn(work), db, kind, format))
    },
  )
}

/** Longer than a client may read nothing: it is of an answer that was given up before it began. */
const maxUnreadMs = 60_000
const nobodyReads = () => new Error('nobody reads the export')

type InTurn = (work: () => Promise<void>) => Promise<void>

/** Resolves once the first record was read, so that an error before it is an answer of its own. */
function startExport(
  inTurn: InTurn,
  db: Database,
  kind: ExportKind,
  format: Format,
): Promise<ReadableStream<Uint8Array>> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(undefined, undefined, {
    highWaterMark: 1,
  })
  const out = writable.getWriter()
  const encoder = new TextEncoder()
  return new Promise((resolve, reject) => {
    const write = async (text: string) => {
      resolve(readable)
      await withTimeout(out.ready, maxUnreadMs, nobodyReads)
      await out.write(encoder.encode(text))
    }
    const work = () =>
      exportRecords(db, kind, async (exported) => {
        const writer = createRecordWriter(format, { ...kind, ...exported })
        await writeAll(writer, exported.records, write)
      })
    inTurn(work)
      .then(() => {
        resolve(readable)
        return out.close()
      })
      .catch((error: unknown) => {
        reject(error)
        out.abort(error).catch(() => undefined)
      })
  })
}
