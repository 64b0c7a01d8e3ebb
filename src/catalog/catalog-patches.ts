/** Many records, each changed by a patch of its own. */
import { sql } from 'drizzle-orm'
import { type Database, type Queryable, transaction } from '../db/connection.ts'
import { textArray } from '../db/parameters.ts'
import { AppError, type FieldError } from '../lib/errors.ts'
import { maxRecordKeys } from '../lib/validation.ts'
import { mergeRecords } from './catalog-merge.ts'
import { readEtags } from './catalog-reads.ts'
import type { CatalogTable, TaggedPatch } from './catalog-resource.ts'
import { assertDistinct } from './catalog-writes.ts'
import { lockRows } from './lock-rows.ts'

export type PatchResult = { updated: number; unchanged: number; etags: Record<string, string> }

/** Merges each patch into its record as RFC 7396 says, under the records' locks; all or nothing. */
export function patchRecords(
  db: Database,
  resource: CatalogTable,
  patches: TaggedPatch[],
): Promise<PatchResult> {
  assertDistinct(resource, patches)
  const ids = patches.map(({ id }) => id)
  return transaction(db, async (tx) => {
    assertAllExist(resource, patches, await lockRows(tx, resource.table, ids, 'change'))
    const tagged = patches.filter(({ if_match }) => if_match !== undefined)
    const before = await readEtags(
      tx,
      resource,
      tagged.map(({ id }) => id),
    )
    assertUnchanged(resource, patches, before)
    const changed = await mergeRecords(tx, resource, patches)
    await assertFewKeys(tx, resource, patches)
    const etags = await readEtags(tx, resource, ids)
    const updated = changed.size
    return { updated, unchanged: ids.length - updated, etags: Object.fromEntries(etags) }
  })
}

function assertAllExist(resource: CatalogTable, patches: TaggedPatch[], known: Set<string>): void {
  const errors = patches.flatMap(({ id }, index): FieldError[] =>
    known.has(id) ? [] : [faultOf(resource, index, 'id', `unknown ${resource.name} "${id}"`)],
  )
  if (errors.length > 0)
    throw new AppError('invalid', `Unknown ${resource.name}s. Nothing was changed.`, errors)
}

function assertUnchanged(
  resource: CatalogTable,
  patches: TaggedPatch[],
  etags: Map<string, string>,
): void {
  const errors = patches.flatMap(({ id, if_match }, index): FieldError[] =>
    if_match === undefined || if_match.replace(/^"(.*)"$/, '$1') === etags.get(id)
      ? []
      : [faultOf(resource, index, 'if_match', `"${id}" has changed since: read it again`)],
  )
  if (errors.length > 0)
    throw new AppError(
      'precondition_failed',
      `Some ${resource.name}s have changed since they were read. Nothing was changed.`,
      errors,
    )
}

const faultOf = (
  { name }: CatalogTable,
  index: number,
  field: string,
  detail: string,
): FieldError => ({ field: `${name}s.${index}.${field}`, detail })

/** Of what is in the record and what a patch adds together. */
async function assertFewKeys(
  tx: Queryable,
  resource: CatalogTable,
  patches: TaggedPatch[],
): Promise<void> {
  const named = patches.filter(({ metadata }) => metadata).map(({ id }) => id)
  if (named.length === 0) return
  const rows = await tx.execute<{ id: string }>(sql`
    select t.id from ${resource.table} t where t.id = any(${textArray(named)})
    and (select count(*) from jsonb_object_keys(t.metadata)) > ${maxRecordKeys}`)
  if (rows.length === 0) return
  const full = new Set(rows.map(({ id }) => id))
  throw new AppError(
    'invalid',
    'Some records would have too many own fields. Nothing was changed.',
    patches.flatMap(({ id }, index) =>
      full.has(id)
        ? [faultOf(resource, index, 'metadata', `may hold at most ${maxRecordKeys} keys`)]
        : [],
    ),
  )
}
