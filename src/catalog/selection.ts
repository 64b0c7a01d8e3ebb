/** Which records a bulk change is about: named by their ids, or all that match the filters of the list. */
import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Queryable } from '../db/connection.ts'
import { textArray } from '../db/parameters.ts'
import { AppError } from '../lib/errors.ts'
import { ids } from '../lib/fields.ts'
import { matchesOf } from './catalog-reads.ts'
import type { CatalogResource, CatalogTypes } from './catalog-resource.ts'
import type { LintSettings } from './lint-rules.ts'
import { lockRows } from './lock-rows.ts'

/** One request's ids and rows are all in memory. */
export const maxSelected = 10_000

export type Selection<T extends CatalogTypes> = {
  ids?: string[] | undefined
  where?: T['filter'] | undefined
}

export const selectionShape = <T extends CatalogTypes>(resource: CatalogResource<T>) => ({
  ids: ids(maxSelected).min(1).optional(),
  where: resource.filters.optional(),
})

export const isOneSelection = ({ ids, where }: { ids?: unknown; where?: unknown }) =>
  (ids === undefined) !== (where === undefined)

export const oneSelection = 'give either ids or where'

type Options = {
  max: number
  lint: LintSettings
  /** Of a selection within the body: the field that names it. */
  path?: string
}

/** The ids that a selection means now, in their order; more than `max`, or an id that is unknown, is an error. */
export async function selectedIds<T extends CatalogTypes>(
  tx: Queryable,
  resource: CatalogResource<T>,
  { ids: named, where }: Selection<T>,
  { max, lint, path = '' }: Options,
): Promise<string[]> {
  const condition = named
    ? sql`t.id = any(${textArray(named)})`
    : matchesOf(resource, where ?? {}, lint)
  const rows = await tx.execute<{ id: string }>(
    sql`select t.id from ${resource.table} t where ${condition} order by t.id limit ${max + 1}`,
  )
  const found = rows.map(({ id }) => id)
  if (found.length > max) {
    const field = `${path}${named ? 'ids' : 'where'}`
    const most = max.toLocaleString('en')
    throw new AppError(
      'invalid',
      `More than ${most} ${resource.name}s match: at most ${most} can be changed at once. Narrow the filters.`,
      [{ field, detail: `matches more than ${most} ${resource.name}s` }],
    )
  }
  if (named) assertAllFound(resource.name, named, new Set(found), path)
  return found
}

function assertAllFound(name: string, named: string[], found: Set<string>, path: string): void {
  const errors = named.flatMap((id, index) =>
    found.has(id) ? [] : [{ field: `${path}ids.${index}`, detail: `unknown ${name} "${id}"` }],
  )
  if (errors.length > 0) throw new AppError('invalid', `Unknown ${name}s in ids.`, errors)
}

const maxRounds = 5

/**
 * Locks what the selection means, against changes of its fields. What matches is read again under the locks: what a
 * concurrent write took out of the selection is not in it, what came in is locked too.
 */
export async function lockSelected<T extends CatalogTypes>(
  tx: Queryable,
  resource: CatalogResource<T>,
  selection: Selection<T>,
  lint: LintSettings,
): Promise<string[]> {
  const options = { max: maxSelected, lint }
  let matching = await selectedIds(tx, resource, selection, options)
  for (let round = 1; round <= maxRounds; round++) {
    const locked = await lockRows(tx, resource.table, matching, 'change')
    matching = await selectedIds(tx, resource, selection, options)
    if (matching.every((id) => locked.has(id))) return matching
  }
  throw new AppError('conflict', 'What matches keeps changing. Nothing was changed: try again.')
}

export function assertExpected(what: string, matched: number, expected: number | undefined): void {
  if (expected === undefined || matched === expected) return
  const found = `${matched.toLocaleString('en')} ${what}`
  throw new AppError(
    'conflict',
    `${found} match now, not ${expected.toLocaleString('en')} as expected. Nothing was changed.`,
    [{ field: 'expected', detail: `is ${expected}, but ${matched} match` }],
  )
}

export type BulkOptions = { expected: number | undefined; dryRun: boolean; lint: LintSettings }

export const expectedShape = {
  expected: z
    .int()
    .min(0)
    .optional()
    .meta({ description: 'How many have to match; otherwise nothing is changed (409)' }),
  dry_run: z.boolean().default(false).meta({ description: 'Only tells what would be changed' }),
}
