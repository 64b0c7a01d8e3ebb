/** What makes an item look wrong in Klaviyo, which accepts it without an error. */
import { type SQL, sql } from 'drizzle-orm'
import type { CatalogTable } from './catalog-resource.ts'

type LintRule = {
  /** Follow the name of the item, or the number of items, in a sentence. */
  one: string
  many: string
  advice: string
  where: SQL
}

const notHttps = (column: SQL) => sql`${column} !~* '^https://'`

const severalAddresses = '[[:space:],;|]https?://'

/** Conditions on a row of {@link publishedItems}, named `t`. */
export const lintRules: readonly LintRule[] = [
  {
    one: 'has no link, so the feed says n/a',
    many: 'have no link, so the feed says n/a',
    advice: 'Give each a link: mails point there.',
    where: sql`coalesce(link, '') = ''`,
  },
  {
    one: 'has no image, so the feed says n/a',
    many: 'have no image, so the feed says n/a',
    advice: 'Give each an image_link: product blocks show it.',
    where: sql`coalesce(image_link, '') = ''`,
  },
  {
    one: 'has a link or an image that is not https, or is relative',
    many: 'have a link or an image that is not https, or is relative',
    advice: 'Write whole addresses that begin with https://.',
    where: sql`(link <> '' and ${notHttps(sql`link`)}) or (image_link <> '' and ${notHttps(sql`image_link`)})`,
  },
  {
    one: 'has several addresses in link or image_link',
    many: 'have several addresses in link or image_link',
    advice: 'Keep one: Klaviyo reads the whole text as one address.',
    where: sql`link ~* ${severalAddresses} or image_link ~* ${severalAddresses}`,
  },
  {
    one: 'has a category with a comma, which the XML feed splits in two',
    many: 'have a category with a comma, which the XML feed splits in two',
    advice: 'Rename the category, or give Klaviyo the JSON feed.',
    where: sql`exists (select from unnest(categories) as c(name) where c.name like '%,%')`,
  },
  {
    one: 'shares its title with another',
    many: 'share their title with another',
    advice: 'Tell them apart by title: people choose by it in Klaviyo.',
    where: sql`title in (select title from t group by title having count(*) > 1)`,
  },
]

/** The start of a statement: a CTE named `t`. */
export const publishedItems = ({ table }: CatalogTable) =>
  sql`with t as materialized (select id, title, link, image_link, categories from ${table} where published)`
