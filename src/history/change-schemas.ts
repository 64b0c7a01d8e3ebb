/** What the API says of a change, and of what it did to each record. */
import { z } from 'zod'
import { instant } from '../lib/fields.ts'

export const recordKinds = ['product', 'store', 'availability'] as const
const actions = ['created', 'updated', 'removed'] as const

/** Which record: availability names both ids. */
const place = {
  kind: z.enum(recordKinds),
  product_id: z.string().nullable(),
  store_id: z.string().nullable(),
  product_title: z.string().nullable().meta({ description: 'As it is now, or as it was last' }),
  store_title: z.string().nullable(),
}

const value = z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]).nullable()
const fields = z.record(z.string(), value).nullable()

const changedRecord = z
  .strictObject({
    ...place,
    action: z.enum(actions),
    before: fields.meta({
      description: 'The fields that differ, metadata as `metadata.color`; null when it was created',
    }),
    after: fields.meta({ description: 'Null when it was removed' }),
  })
  .meta({ id: 'ChangedRecord' })
export type ChangedRecord = z.infer<typeof changedRecord>

export const change = z
  .strictObject({
    id: z.uuid(),
    at: instant,
    via: z.enum(['rest', 'console', 'import']),
    actor: z
      .string()
      .nullable()
      .meta({ description: 'The name of the key; null for an import on the command line' }),
    key_id: z.int().nullable(),
    file: z.string().nullable().meta({ description: 'The file that was imported' }),
    counts: z.array(
      z.strictObject({ kind: z.enum(recordKinds), action: z.enum(actions), count: z.int() }),
    ),
    complete: z.boolean().meta({
      description:
        'Whether all records were kept; a change of more than 10,000 products or stores, or 50,000 availabilities, cannot be undone',
    }),
    undoes: z.uuid().nullable().meta({ description: 'The change that this one undid' }),
    undone_by: z.uuid().nullable(),
    records: z.array(changedRecord).meta({
      description:
        'In a list the first three, texts cut to 300 characters: of the product or the store that is asked for',
    }),
  })
  .meta({ id: 'Change' })
export type Change = z.infer<typeof change>

const conflict = z
  .strictObject({
    ...place,
    field: z.string().nullable().meta({ description: 'Null: the record as a whole' }),
    detail: z.string().meta({ description: 'Why it stays as it is' }),
  })
  .meta({ id: 'UndoConflict' })
export type Conflict = z.infer<typeof conflict>

export const undoResult = z
  .strictObject({
    change_id: z.uuid().nullable().meta({
      description:
        'The change that the undo is itself; null when nothing was changed, or tried only',
    }),
    restored: z.int().meta({ description: 'How many records are restored, some fields or all' }),
    unchanged: z.int().meta({ description: 'How many are as they were already' }),
    conflicts: z.int().meta({ description: 'How many fields and records stay as they are' }),
    restored_records: z.array(changedRecord).meta({ description: 'The first 100' }),
    conflicting: z.array(conflict).meta({ description: 'The first 100' }),
  })
  .meta({ id: 'UndoResult' })
export type UndoResult = z.infer<typeof undoResult>

export const changePage = z
  .strictObject({ changes: z.array(change), next_cursor: z.string().nullable() })
  .meta({ id: 'ChangePage' })
export const changeDetail = change
  .extend({ next_cursor: z.string().nullable().meta({ description: 'Of the records' }) })
  .meta({ id: 'ChangeDetail' })
