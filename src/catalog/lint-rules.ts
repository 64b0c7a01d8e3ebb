/** What makes an item look wrong in Klaviyo, which accepts it without an error. */
import { type SQL, sql } from 'drizzle-orm'
import type { CatalogTable } from './catalog-resource.ts'
import type { FindingCode } from './finding-codes.ts'

export type LintSettings = {
  /** The longest list of ids that an item should have, in bytes. */
  maxListBytes: number
  /** Whether the feed of stores has lists of ids at all. */
  storeProductIds: boolean
}

export type LintRule = {
  code: FindingCode
  /** `error`: Klaviyo may not take the item, or nobody can use it; `warning`: it looks wrong or is incomplete. */
  severity: 'error' | 'warning'
  /** Follow the name of the item, or the number of items, in a sentence. */
  one: string
  many: string
  advice: string
  /** Of one of the two resources only. */
  of?: CatalogTable['name']
  /** A condition on a row of the resource's table, named `t`. */
  where: (resource: CatalogTable, settings: LintSettings) => SQL
}

/** The rules for published records of the resource. */
export const lintRulesOf = (resource: CatalogTable): LintRule[] =>
  lintRules.filter(({ of }) => of === undefined || of === resource.name)

/** That `t` is published and that the rule finds something in it; false when the resource has no such rule. */
export function hasFinding(resource: CatalogTable, code: FindingCode, settings: LintSettings): SQL {
  const rule = lintRulesOf(resource).find((one) => one.code === code)
  return rule ? sql`t.published and ${rule.where(resource, settings)}` : sql`false`
}

const notHttps = (column: SQL) => sql`${column} !~* '^https://'`
const inAddress = (test: (column: SQL) => SQL) => () =>
  sql`((t.link <> '' and ${test(sql`t.link`)}) or (t.image_link <> '' and ${test(sql`t.image_link`)}))`

const severalAddresses = '[[:space:],;|]https?://'
const innerSpace = '[^[:space:]][[:space:]]+[^[:space:]]'

/** Among what is published. `value` is of a row named `t`. */
const usedTwice = (value: SQL) => (resource: CatalogTable) =>
  sql`${value} in (select ${value} from ${resource.table} t where t.published group by 1 having count(*) > 1)`

const linksInFeed = ({ links }: CatalogTable) => sql`
  from product_stores l where l.${sql.identifier(links.own)} = t.id
    and l.${sql.identifier(links.other)} not in (select id from ${links.otherTable} where not published)`

/** Where the ids of all others are short enough together, no list is measured. */
function listTooLong(resource: CatalogTable, { maxListBytes, storeProductIds }: LintSettings): SQL {
  if (resource.name === 'store' && !storeProductIds) return sql`false`
  const { other, otherTable } = resource.links
  const longest = sql`(select sum(octet_length(id) + 1) - 1 from ${otherTable} where published)`
  const own = sql`(select sum(octet_length(l.${sql.identifier(other)}) + 1) - 1 ${linksInFeed(resource)})`
  return sql`case when ${longest} > ${maxListBytes} then ${own} > ${maxListBytes} else false end`
}

const lintRules: readonly LintRule[] = [
  {
    code: 'no_link',
    severity: 'warning',
    one: 'has no link, so the feed says n/a',
    many: 'have no link, so the feed says n/a',
    advice: 'Give each a link: mails point there.',
    where: () => sql`coalesce(t.link, '') = ''`,
  },
  {
    code: 'no_image',
    severity: 'warning',
    one: 'has no image, so the feed says n/a',
    many: 'have no image, so the feed says n/a',
    advice: 'Give each an image_link: product blocks show it.',
    where: () => sql`coalesce(t.image_link, '') = ''`,
  },
  {
    code: 'not_https',
    severity: 'warning',
    one: 'has a link or an image that is not https, or is relative',
    many: 'have a link or an image that is not https, or is relative',
    advice: 'Write whole addresses that begin with https://.',
    where: inAddress(notHttps),
  },
  {
    code: 'several_addresses',
    severity: 'error',
    one: 'has several addresses in link or image_link',
    many: 'have several addresses in link or image_link',
    advice: 'Keep one: Klaviyo reads the whole text as one address.',
    where: inAddress((column) => sql`${column} ~* ${severalAddresses}`),
  },
  {
    code: 'address_with_space',
    severity: 'warning',
    one: 'has a space in link or image_link, which the feed writes as %20',
    many: 'have a space in link or image_link, which the feed writes as %20',
    advice: 'Check that the address opens; better use one without spaces.',
    where: inAddress(
      (column) => sql`(${column} ~ ${innerSpace} and ${column} !~* ${severalAddresses})`,
    ),
  },
  {
    code: 'category_with_comma',
    severity: 'warning',
    one: 'has a category with a comma, which the XML feed splits in two',
    many: 'have a category with a comma, which the XML feed splits in two',
    advice: 'Rename the category, or give Klaviyo the JSON feed.',
    where: () => sql`array_to_string(t.categories, '') like '%,%'`,
  },
  {
    code: 'title_used_twice',
    severity: 'warning',
    one: 'shares its title with another',
    many: 'share their title with another',
    advice: 'Tell them apart by title: people choose by it in Klaviyo.',
    where: usedTwice(sql`t.title`),
  },
  {
    code: 'id_used_twice',
    severity: 'warning',
    one: 'has the id of another but for capitals',
    many: 'have the id of another but for capitals',
    advice: 'Remove the one that was made by mistake: orders name one of them only.',
    where: usedTwice(sql`lower(t.id)`),
  },
  {
    code: 'sku_used_twice',
    severity: 'warning',
    one: 'shares its SKU with another',
    many: 'share their SKU with another',
    advice: 'Give each its own SKU: an event of an order is known by it.',
    of: 'product',
    where: (resource) => sql`(t.sku <> '' and ${usedTwice(sql`t.sku`)(resource)})`,
  },
  {
    code: 'no_price',
    severity: 'warning',
    one: 'has no price, so the feed leaves it out',
    many: 'have no price, so the feed leaves it out',
    advice: 'Give each a price: product blocks show it.',
    of: 'product',
    where: () => sql`t.price is null`,
  },
  {
    code: 'sold_nowhere',
    severity: 'warning',
    one: 'is sold in no published store, so store_ids is n/a',
    many: 'are sold in no published store, so store_ids is n/a',
    advice: 'Name the stores that sell it, or withdraw it if none does.',
    of: 'product',
    where: (resource) => sql`not exists (select ${linksInFeed(resource)})`,
  },
  {
    code: 'no_address',
    severity: 'warning',
    one: 'has no address1 or no city',
    many: 'have no address1 or no city',
    advice: 'Give each its address: mails show it.',
    of: 'store',
    where: () => sql`(coalesce(t.address1, '') = '' or coalesce(t.city, '') = '')`,
  },
  {
    code: 'no_coordinates',
    severity: 'warning',
    one: 'has no latitude or no longitude',
    many: 'have no latitude or no longitude',
    advice: 'Give each its coordinates, to find the nearest store by.',
    of: 'store',
    where: () => sql`(t.latitude is null or t.longitude is null)`,
  },
  {
    code: 'list_too_long',
    severity: 'error',
    one: 'has a list of ids that is longer than Klaviyo may take (MAX_LIST_BYTES)',
    many: 'have a list of ids that is longer than Klaviyo may take (MAX_LIST_BYTES)',
    advice:
      'Check one of them in Klaviyo, or send less: docs/feeds.md says how (STORE_PRODUCT_IDS).',
    where: listTooLong,
  },
]
