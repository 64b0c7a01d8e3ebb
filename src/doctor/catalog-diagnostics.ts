/** Checks the catalog for what Klaviyo accepts silently but does not show. */
import { sql } from 'drizzle-orm'
import { countFindings } from '../catalog/catalog-report.ts'
import type { CatalogTable } from '../catalog/catalog-resource.ts'
import type { LintSettings } from '../catalog/lint-rules.ts'
import { productResource } from '../catalog/products.ts'
import { storeResource } from '../catalog/stores.ts'
import type { Queryable } from '../db/connection.ts'
import { type Diagnostic, error, ok, warning } from './diagnostic.ts'

/** Klaviyo's limits for an account. */
const maxItems = 250_000
const maxCategories = 2_500

export async function checkCatalog(db: Queryable, settings: LintSettings): Promise<Diagnostic[]> {
  const products = await checkResource(db, productResource, 'products', settings)
  const stores = await checkResource(db, storeResource, 'stores', settings)
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
  settings: LintSettings,
): Promise<{ items: number; diagnostics: Diagnostic[] }> {
  const { items, findings } = await countFindings(db, resource, settings)
  const warnings = findings.map(({ count, found, example, advice }) =>
    warning(
      area,
      `${count} ${count === 1 ? resource.name : area} ${found}, such as "${example}".`,
      advice,
    ),
  )
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
