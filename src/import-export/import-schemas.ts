/** Imports as the API tells them. */
import { z } from 'zod'
import { importStatuses } from '../db/schema/imports.ts'
import { instant } from '../lib/fields.ts'

export const kindNames = [
  'stores',
  'products',
  'availability',
  'customers',
  'orders',
  'order-updates',
  'visits',
] as const
export type KindName = (typeof kindNames)[number]

const count = z.int()

const importSummary = z
  .strictObject({
    id: z.string(),
    kind: z.enum(kindNames),
    options: z
      .record(z.string(), z.union([z.string(), z.array(z.string())]))
      .meta({ description: 'As given in the query' }),
    status: z.enum(importStatuses).meta({
      description:
        'Refused: the file cannot be imported so, `error` says why. Interrupted: check or apply it again',
    }),
    rows: count.nullable().meta({ description: 'Of the file, blank ones left out' }),
    done: count.meta({ description: 'Rows of the run in progress that are done' }),
    counts: z
      .strictObject({
        created: count,
        updated: count,
        unchanged: count,
        skipped: count,
        rejected: count,
        lacking: count.nullable().meta({
          description: 'Records that the file lacks, with `replace`: unpublished or removed',
        }),
      })
      .nullable()
      .meta({ description: 'What would happen, or what happened once it is applied' }),
    error: z.string().nullable(),
    created_at: instant,
    expires_at: instant,
    applied_at: instant.nullable(),
  })
  .meta({ id: 'ImportSummary' })
export type ImportSummary = z.infer<typeof importSummary>

const fields = z.record(z.string(), z.unknown())

export const importRecord = z
  .strictObject({
    ...importSummary.shape,
    columns: z
      .array(z.strictObject({ name: z.string(), fields: z.array(z.string()) }))
      .nullable()
      .meta({ description: 'Which fields each column fills; null for NDJSON' }),
    emptied: z.record(z.string(), count).meta({
      description: 'In how many records a value is emptied because the file does not say it',
    }),
    changes: z
      .array(z.strictObject({ id: z.string(), before: fields.nullable(), after: fields }))
      .meta({ description: 'The first 50 records that change, with the fields that differ' }),
    rejected: z
      .array(z.strictObject({ line: count, reason: z.string() }))
      .meta({ description: 'The first 50 rejects; all are in the rejects file' }),
    notes: z.array(z.string()),
    change_id: z.string().nullable().meta({
      description:
        'Under which change of the history it was applied last; null when it changed nothing that is undone',
    }),
  })
  .meta({ id: 'Import' })
export type ImportRecord = z.infer<typeof importRecord>

export const importList = z
  .strictObject({ imports: z.array(importSummary) })
  .meta({ id: 'ImportList' })

export const importFormats = z
  .strictObject({
    kinds: z.array(
      z.strictObject({
        name: z.enum(kindNames),
        fields: z.array(z.string()).meta({ description: 'Names that a column may have' }),
        merges: z.boolean(),
      }),
    ),
    presets: z.array(
      z.strictObject({ name: z.string(), kind: z.enum(kindNames), about: z.string() }),
    ),
  })
  .meta({ id: 'ImportFormats' })
export type ImportFormats = z.infer<typeof importFormats>
