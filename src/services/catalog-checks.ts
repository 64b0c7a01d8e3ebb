/** In charge of checking the catalog for what Klaviyo takes without a word and then does not show. */
import { type SQL, sql } from 'drizzle-orm'
import type { Queryable } from '../db/connect.ts'
import type { CatalogTable } from './catalog-kind.ts'
import { type Finding, fine } from './findings.ts'
import { productKind } from './products.ts'
import { storeKind } from './stores.ts'

/** Klaviyo's, for an account. */
const maxItems = 250_000
const maxCategories = 2_500

type Look = { found: string; advice: string; where: SQL }

const notHttps = (column: SQL) => sql`${column} !~* '^https://'`

const looks: Look[] = [
  {
    found: 'have no link, so the feed says n/a',
    advice: 'Give each a link: mails point there.',
    where: sql`coalesce(link, '') = ''`,
  },
  {
    found: 'have no image, so the feed says n/a',
    advice: 'Give each an image_link: product blocks show it.',
    where: sql`coalesce(image_link, '') = ''`,
  },
  {
    found: 'have a link or an image that is not https, or is relative',
    advice: 'Write whole addresses that begin with https://.',
    where: sql`(link <> '' and ${notHttps(sql`link`)}) or (image_link <> '' and ${notHttps(sql`image_link`)})`,
  },
  {
    found: 'have a category with a comma, which the XML feed parts in two',
    advice: 'Rename the category, or give Klaviyo the JSON feed.',
    where: sql`exists (select from unnest(categories) as c(name) where c.name like '%,%')`,
  },
  {
    found: 'share their title with another',
    advice: 'Tell them apart by title: people choose by it in Klaviyo.',
    where: sql`title in (select title from t group by title having count(*) > 1)`,
  },
]

export async function checkCatalog(db: Queryable): Promise<Finding[]> {
  const products = await checkKind(db, productKind, 'products')
  const stores = await checkKind(db, storeKind, 'stores')
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
): Promise<{ items: number; findings: Finding[] }> {
  const columns = looks.flatMap(({ where }, place) => [
    sql`count(*) filter (where ${where})::int as ${sql.identifier(`count_${place}`)}`,
    sql`min(id) filter (where ${where}) as ${sql.identifier(`example_${place}`)}`,
  ])
  const [row = {}] = await db.execute<Record<string, number | string | null>>(sql`
    with t as materialized (select id, title, link, image_link, categories from ${kind.table} where published)
    select count(*)::int as items, ${sql.join(columns, sql`, `)} from t`)
  const findings = looks.flatMap(({ found, advice }, place): Finding[] => {
    const count = Number(row[`count_${place}`])
    const text = `${count} ${area} ${found}, such as "${row[`example_${place}`]}".`
    return count > 0 ? [{ level: 'warning', area, found: text, advice }] : []
  })
  const items = Number(row.items)
  return { items, findings: [fine(area, `${items} are published.`), ...findings] }
}

async function checkLimits(db: Queryable, items: number): Promise<Finding[]> {
  const area = 'catalog'
  const [row] = await db.execute<{ categories: number }>(sql`
    select count(distinct name)::int as categories from (
      select unnest(categories) as name from ${productKind.table} where published
      union all select unnest(categories) from ${storeKind.table} where published
    ) as named`)
  const categories = row?.categories ?? 0
  const found: Finding[] = []
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
