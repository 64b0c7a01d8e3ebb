/** What the lint rules find: item by item, and counted. */
import { type SQL, sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { type Page, readCursor, writeCursor } from '../lib/pagination.ts'
import type { CatalogTable } from './catalog-resource.ts'
import type { FindingCode } from './finding-codes.ts'
import type { CountedFinding, ReportedItem } from './finding-schemas.ts'
import { hasFinding, type LintRule, type LintSettings, lintRulesOf } from './lint-rules.ts'

type Reported = Page & { finding?: FindingCode | undefined; id?: string }

/** Published items, or the one with the id, in which a rule, or the one of `finding`, finds something, in the order of their ids. */
export async function reportItems(
  db: Queryable,
  resource: CatalogTable,
  { cursor, limit, finding, id }: Reported,
  settings: LintSettings,
): Promise<{ items: ReportedItem[]; nextCursor: string | null }> {
  const rules = lintRulesOf(resource)
  const broken = rules.map(
    (rule) => sql`case when ${rule.where(resource, settings)} then ${rule.code}::text end`,
  )
  const isOne = id === undefined ? sql`true` : sql`t.id = ${id}`
  const wanted = finding === undefined ? isOne : hasFinding(resource, finding, settings)
  // Rules are tried on the rows of a page only, or until there are enough in which they find something.
  const rows = await db.execute<{ id: string; title: string; broken: string[] }>(sql`
    select t.id, t.title, to_json(l.broken) as broken from ${resource.table} t
    cross join lateral (select array_remove(array[${sql.join(broken, sql`, `)}], null) as broken offset 0) l
    where t.published and t.id > ${cursor === undefined ? '' : readCursor(cursor)} and ${wanted} and l.broken <> '{}'
    order by t.id limit ${limit + 1}`)
  const items = rows.slice(0, limit).map(({ id, title, broken }) => ({
    id,
    title,
    diagnostics: rules
      .filter((rule) => broken.includes(rule.code))
      .map(({ code, severity, one, advice }) => ({ code, severity, found: one, advice })),
  }))
  const last = rows.length > limit ? items.at(-1) : undefined
  return { items, nextCursor: last ? writeCursor(last.id) : null }
}

/** How many items are published, and in how many of them each rule finds something; without rules that find nothing. */
export async function countFindings(
  db: Queryable,
  resource: CatalogTable,
  settings: LintSettings,
): Promise<{ items: number; findings: CountedFinding[] }> {
  const rules = lintRulesOf(resource)
  const found = (rule: LintRule): SQL => sql.identifier(rule.code).getSQL()
  const conditions = rules.map((rule) => sql`${rule.where(resource, settings)} as ${found(rule)}`)
  const counts = rules.map(
    (rule) =>
      sql`${rule.code}::text, json_build_object('count', count(*) filter (where ${found(rule)}), 'example', min(id) filter (where ${found(rule)}))`,
  )
  const [row] = await db.execute<{
    items: number
    found: Partial<Record<FindingCode, { count: number; example: string }>>
  }>(sql`
    with linted as materialized (
      select t.id, ${sql.join(conditions, sql`, `)} from ${resource.table} t where t.published
    ) select count(*)::int as items, json_build_object(${sql.join(counts, sql`, `)}) as found from linted`)
  const findings = rules.flatMap(({ code, severity, one, many, advice }) => {
    const { count = 0, example = '' } = row?.found[code] ?? {}
    const text = count === 1 ? one : many
    return count === 0 ? [] : [{ code, severity, count, example, found: text, advice }]
  })
  return { items: row?.items ?? 0, findings }
}
