/** In charge of telling, item by item, what looks wrong in a feed. */

import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Queryable } from '../db/connection.ts'
import { type Page, readCursor, writeCursor } from '../lib/pagination.ts'
import type { CatalogTable } from './catalog-resource.ts'
import { lintRules, publishedItems } from './lint-rules.ts'

export const reportedItem = z
  .strictObject({
    id: z.string(),
    title: z.string(),
    findings: z.array(
      z.strictObject({
        found: z.string().meta({ description: 'Follows the name of the item in a sentence' }),
        advice: z.string(),
      }),
    ),
  })
  .meta({ id: 'ReportedItem' })
export type ReportedItem = z.infer<typeof reportedItem>

/** Only items in which something was found, in the order of their ids. */
export async function reportItems(
  db: Queryable,
  kind: CatalogTable,
  { cursor, limit }: Page,
): Promise<{ items: ReportedItem[]; nextCursor: string | null }> {
  const places = lintRules.map(({ where }, place) => sql`case when ${where} then ${place}::int end`)
  const rows = await db.execute<{ id: string; title: string; places: number[] }>(sql`
    ${publishedItems(kind)}, looked as (
      select id, title, array_remove(array[${sql.join(places, sql`, `)}], null) as places from t
      where id > ${cursor === undefined ? '' : readCursor(cursor)}
    )
    select id, title, to_json(places) as places from looked where places <> '{}'
    order by id limit ${limit + 1}`)
  const items = rows.slice(0, limit).map(({ id, title, places: found }) => ({
    id,
    title,
    findings: lintRules
      .filter((_, place) => found.includes(place))
      .map(({ one, advice }) => ({ found: one, advice })),
  }))
  const last = rows.length > limit ? items.at(-1) : undefined
  return { items, nextCursor: last ? writeCursor(last.id) : null }
}
