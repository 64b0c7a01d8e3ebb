/** In charge of what may be said to `storefeed import`, and of telling a file's kind by its name. */
import { basename } from 'node:path'
import { InvalidArgumentError } from 'commander'
import type { Mapping } from '../import-export/column-mapping.ts'
import { type ImportKind, importKinds } from '../import-export/import-kinds.ts'
import { AppError } from '../lib/errors.ts'

export type ImportOptions = {
  kind?: ImportKind['name']
  map: ReadonlyMap<string, string>
  set: ReadonlyMap<string, string>
  skipUnknown: boolean
  skipBlank?: string
  dryRun: boolean
  json: boolean
}

export const kindNames = importKinds.map(({ name }) => name)

export const examples = `
A Shopify product export (further rows of a product, for its variants and pictures, have no title):
  storefeed import products_export.csv --kind products --skip-unknown --skip-blank Title \\
    --map Handle=id --map Title=title --map 'Body (HTML)=description' --map Vendor=brand \\
    --map Tags=categories --map 'Variant SKU=sku' --map 'Variant Price=price' \\
    --map 'Image Src=image_link' --set 'link=https://shop.example/products/{Handle}'

A list of items from Square:
  storefeed import items.csv --kind products --skip-unknown --map Token=id --map 'Item Name=title' \\
    --map SKU=sku --map Description=description --map Category=categories --map Price=price`

/** Of `a=b=c` the last `=` parts theirs from ours, which has none. */
export function readMap(text: string, before: ReadonlyMap<string, string>) {
  const at = text.lastIndexOf('=')
  if (at <= 0 || at === text.length - 1)
    throw new InvalidArgumentError("It is written theirs=ours, such as 'Variant Price=price'.")
  return new Map([...before, [text.slice(0, at).trim(), text.slice(at + 1).trim()]])
}

export function readSet(text: string, before: ReadonlyMap<string, string>) {
  const at = text.indexOf('=')
  if (at <= 0) throw new InvalidArgumentError("It is written ours=text, such as 'currency=EUR'.")
  return new Map([...before, [text.slice(0, at).trim(), text.slice(at + 1)]])
}

export const mappingOf = ({ map, set, skipUnknown, skipBlank }: ImportOptions): Mapping => ({
  renamed: map,
  added: set,
  skipUnknown,
  skipBlank,
})

/** By name, the first that fits: order-updates are not orders. */
const namedLike: [RegExp, ImportKind['name']][] = [
  [/order.?updates/i, 'order-updates'],
  [/availability|product.?stores/i, 'availability'],
  [/products/i, 'products'],
  [/stores/i, 'stores'],
  [/customers/i, 'customers'],
  [/orders/i, 'orders'],
  [/visits/i, 'visits'],
]

export function kindOf(path: string, wanted: ImportKind['name'] | undefined): ImportKind {
  const name = wanted ?? namedLike.find(([pattern]) => pattern.test(basename(path)))?.[1]
  const kind = importKinds.find((one) => one.name === name)
  if (kind) return kind
  throw new AppError(
    'invalid',
    `What is in ${path === '-' ? 'standard input' : path} does not show by its name: say it with --kind, one of ${kindNames.join(', ')}.`,
  )
}
