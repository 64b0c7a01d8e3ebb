/** The options of `storefeed import`, and which kind a file is by its name. */
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
A Shopify product export (a product's further rows, for its variants and images, have no title):
  storefeed import products_export.csv --kind products --skip-unknown --skip-blank Title \\
    --map Handle=id --map Title=title --map 'Body (HTML)=description' --map Vendor=brand \\
    --map Tags=categories --map 'Variant SKU=sku' --map 'Variant Price=price' \\
    --map 'Image Src=image_link' --set 'link=https://shop.example/products/{Handle}'

A list of items from Square:
  storefeed import items.csv --kind products --skip-unknown --map Token=id --map 'Item Name=title' \\
    --map SKU=sku --map Description=description --map Category=categories --map Price=price`

/** Splits at the last `=`: a column name may contain one, a field name does not. */
export function readMap(text: string, previous: ReadonlyMap<string, string>) {
  const at = text.lastIndexOf('=')
  if (at <= 0 || at === text.length - 1)
    throw new InvalidArgumentError("It must be column=field, such as 'Variant Price=price'.")
  return new Map([...previous, [text.slice(0, at).trim(), text.slice(at + 1).trim()]])
}

export function readSet(text: string, previous: ReadonlyMap<string, string>) {
  const at = text.indexOf('=')
  if (at <= 0) throw new InvalidArgumentError("It must be field=text, such as 'currency=EUR'.")
  return new Map([...previous, [text.slice(0, at).trim(), text.slice(at + 1)]])
}

export const mappingOf = ({ map, set, skipUnknown, skipBlank }: ImportOptions): Mapping => ({
  renames: map,
  templates: set,
  skipUnknown,
  skipBlank,
})

/** The first match wins: order-updates are not orders. */
const namePatterns: [RegExp, ImportKind['name']][] = [
  [/order.?updates/i, 'order-updates'],
  [/availability|product.?stores/i, 'availability'],
  [/products/i, 'products'],
  [/stores/i, 'stores'],
  [/customers/i, 'customers'],
  [/orders/i, 'orders'],
  [/visits/i, 'visits'],
]

export function kindOf(path: string, given: ImportKind['name'] | undefined): ImportKind {
  const name = given ?? namePatterns.find(([pattern]) => pattern.test(basename(path)))?.[1]
  const kind = importKinds.find((one) => one.name === name)
  if (kind) return kind
  throw new AppError(
    'invalid',
    `The name of ${path === '-' ? 'standard input' : path} does not say what it contains: add --kind, one of ${kindNames.join(', ')}.`,
  )
}
