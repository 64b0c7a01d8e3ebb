/** Checks the catalog for what Klaviyo accepts silently but does not show. */
import { sql } from 'drizzle-orm'
import type { CatalogTable } from '../catalog/catalog-resource.ts'
import { lintRules, publishedItems } from '../catalog/lint-rules.ts'
import { productResource } from '../catalog/products.ts'
import { storeResource } from '../catalog/stores.ts'
import type { Queryable } from '../db/connection.ts'
import { type Diagnostic, error, ok, warning } from './diagnostic.ts'

/** Klaviyo's limits for an account. */
const maxItems = 250_000
const maxCategories = 2_500

export async function checkCatalog(db: Queryable): Promise<Diagnostic[]> {
  const products = await checkResource(db, productResource, 'products')
  const stores = await checkResource(db, storeResource, 'stores')
  return [
    ...products.diagnostics,
    ...stores.diagnostics,
    ...(await checkLimits(db, products.items + stores.items)),
  ]
}

async function checkResource(
  db: Queryable,
  resource: CatalogTable,
  area: string,
): Promise<{ items: number; diagnostics: Diagnostic[] }> {
  const columns = lintRules.flatMap(({ where }, index) => [
    sql`count(*) filter (where ${where})::int as ${sql.identifier(`count_${index}`)}`,
    sql`min(id) filter (where ${where}) as ${sql.identifier(`example_${index}`)}`,
  ])
  const [row = {}] = await db.execute<Record<string, number | string | null>>(sql`
    ${publishedItems(resource)}
    select count(*)::int as items, ${sql.join(columns, sql`, `)} from t`)
  const warnings = lintRules.flatMap(({ one, many, advice }, index): Diagnostic[] => {
    const count = Number(row[`count_${index}`])
    if (count === 0) return []
    const subject = count === 1 ? `1 ${resource.name} ${one}` : `${count} ${area} ${many}`
    return [warning(area, `${subject}, such as "${row[`example_${index}`]}".`, advice)]
  })
  const items = Number(row.items)
  return { items, diagnostics: [ok(area, `Published: ${items}.`), ...warnings] }
}

async function checkLimits(db: Queryable, items: number): Promise<Diagnostic[]> {
  const [row] = await db.execute<{ categories: number }>(sql`
    select count(distinct name)::int as categories from (
      select unnest(categories) as name from ${productResource.table} where published
      union all select unnest(categories) from ${storeResource.table} where published
    ) as named`)
  const categories = row?.categories ?? 0
  const diagnostics: Diagnostic[] = []
  if (items > maxItems)
    diagnostics.push(
      error(
        'catalog',
        `${items} items are published; Klaviyo accepts at most ${maxItems}.`,
        'Unpublish what is no longer sold.',
      ),
    )
  if (categories > maxCategories)
    diagnostics.push(
      warning(
        'catalog',
        `${categories} categories are in use; Klaviyo accepts at most ${maxCategories}.`,
        'Merge categories, or move what is not a category to metadata.',
      ),
    )
  return diagnostics
}
