/** In charge of checking the catalog for what Klaviyo takes without a word and then does not show. */
import { sql } from 'drizzle-orm'
import type { CatalogTable } from '../catalog/catalog-resource.ts'
import { lintRules, publishedItems } from '../catalog/lint-rules.ts'
import { productResource } from '../catalog/products.ts'
import { storeResource } from '../catalog/stores.ts'
import type { Queryable } from '../db/connection.ts'
import { type Diagnostic, ok } from './diagnostic.ts'

/** Klaviyo's, for an account. */
const maxItems = 250_000
const maxCategories = 2_500

export async function checkCatalog(db: Queryable): Promise<Diagnostic[]> {
  const products = await checkKind(db, productResource, 'products')
  const stores = await checkKind(db, storeResource, 'stores')
  return [
    ...products.findings,
    ...stores.findings,
    ...(await checkLimits(db, products.items + stores.items)),
  ]
}

async function checkKind(
  db: Queryable,
  kind: CatalogTable,
  area: string,
): Promise<{ items: number; findings: Diagnostic[] }> {
  const columns = lintRules.flatMap(({ where }, place) => [
    sql`count(*) filter (where ${where})::int as ${sql.identifier(`count_${place}`)}`,
    sql`min(id) filter (where ${where}) as ${sql.identifier(`example_${place}`)}`,
  ])
  const [row = {}] = await db.execute<Record<string, number | string | null>>(sql`
    ${publishedItems(kind)}
    select count(*)::int as items, ${sql.join(columns, sql`, `)} from t`)
  const findings = lintRules.flatMap(({ one, many, advice }, place): Diagnostic[] => {
    const count = Number(row[`count_${place}`])
    const text = `${count} ${count === 1 ? kind.name : area} ${count === 1 ? one : many}, such as "${row[`example_${place}`]}".`
    return count > 0 ? [{ level: 'warning', area, found: text, advice }] : []
  })
  const items = Number(row.items)
  return { items, findings: [ok(area, `${items} are published.`), ...findings] }
}

async function checkLimits(db: Queryable, items: number): Promise<Diagnostic[]> {
  const area = 'catalog'
  const [row] = await db.execute<{ categories: number }>(sql`
    select count(distinct name)::int as categories from (
      select unnest(categories) as name from ${productResource.table} where published
      union all select unnest(categories) from ${storeResource.table} where published
    ) as named`)
  const categories = row?.categories ?? 0
  const found: Diagnostic[] = []
  if (items > maxItems)
    found.push({
      level: 'error',
      area,
      found: `${items} items are more than the ${maxItems} that Klaviyo takes.`,
      advice: 'Unpublish what is not sold any more.',
    })
  if (categories > maxCategories)
    found.push({
      level: 'warning',
      area,
      found: `${categories} categories are more than the ${maxCategories} that Klaviyo takes.`,
      advice: 'Merge categories, or move what is no category to metadata.',
    })
  return found
}
