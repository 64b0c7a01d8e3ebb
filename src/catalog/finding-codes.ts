/** What a report can find in an item; see lint-rules.ts. */
export const findingCodes = [
  'no_link',
  'no_image',
  'not_https',
  'several_addresses',
  'address_with_space',
  'category_with_comma',
  'title_used_twice',
  'id_used_twice',
  'sku_used_twice',
  'no_price',
  'sold_nowhere',
  'no_address',
  'no_coordinates',
  'list_too_long',
] as const

export type FindingCode = (typeof findingCodes)[number]
