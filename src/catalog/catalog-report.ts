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
    diagnostics: z.array(
      z.strictObject({
        found: z.string().meta({ description: 'Follows the name of the item in a sentence' }),
        advice: z.string(),
      }),
    ),
  })
  .meta({ id: 'ReportedItem' })
export type ReportedItem = z.infer<typeof reportedItem>

/** Items that break a lint rule, in the order of their ids. */
export async function reportItems(
  db: Queryable,
  resource: CatalogTable,
  { cursor, limit }: Page,
): Promise<{ items: ReportedItem[]; nextCursor: string | null }> {
  const broken = lintRules.map(({ where }, index) => sql`case when ${where} then ${index}::int end`)
  const rows = await db.execute<{ id: string; title: string; broken: number[] }>(sql`
    ${publishedItems(resource)}, linted as (
      select id, title, array_remove(array[${sql.join(broken, sql`, `)}], null) as broken from t
      where id > ${cursor === undefined ? '' : readCursor(cursor)}
    )
    select id, title, to_json(broken) as broken from linted where broken <> '{}'
    order by id limit ${limit + 1}`)
  const items = rows.slice(0, limit).map(({ id, title, broken }) => ({
    id,
    title,
    diagnostics: lintRules
      .filter((_, index) => broken.includes(index))
      .map(({ one, advice }) => ({ found: one, advice })),
  }))
  const last = rows.length > limit ? items.at(-1) : undefined
  return { items, nextCursor: last ? writeCursor(last.id) : null }
}
