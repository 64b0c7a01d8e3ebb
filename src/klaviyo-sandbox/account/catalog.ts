/** The account's catalog: which items of a feed Klaviyo accepts, and why it ignores the others. */
import { isJsonObject, type JsonObject } from '../api/json.ts'
import { LIMITS } from '../api/limits.ts'

const KEPT_IGNORED = 100
const KEPT_REPORTS = 50
const REQUIRED = ['id', 'title', 'link', 'description', 'image_link'] as const

/** `fields` have Klaviyo's names without the `$`. */
export type CatalogItem = { id: string; source: string; fields: JsonObject }

type IgnoredItem = { index: number; id: string; reason: string }

export type ImportReport = {
  url: string
  at: string
  /** Why nothing was imported and the catalog is unchanged. */
  error: string | null
  bytes: number
  imported: number
  ignored: number
  reasons: Record<string, number>
  /** The first 100. */
  ignored_items: IgnoredItem[]
  warnings: string[]
}

export type Catalog = { items: Map<string, CatalogItem>; reports: ImportReport[] }

export function createCatalog(): Catalog {
  return { items: new Map(), reports: [] }
}

export function saveReport(catalog: Catalog, report: ImportReport): void {
  catalog.reports.push(report)
  if (catalog.reports.length > KEPT_REPORTS) catalog.reports.shift()
}

type ImportCounts = Pick<ImportReport, 'imported' | 'ignored' | 'reasons' | 'ignored_items'>

/** Replaces the items of one source. All sources feed one catalog. */
export function replaceItems(catalog: Catalog, source: string, rows: unknown[]): ImportCounts {
  const otherItems = [...catalog.items].filter(([, item]) => item.source !== source)
  catalog.items = new Map(otherItems)
  const categories = new Set(otherItems.flatMap(([, item]) => categoriesOf(item.fields)))
  const counts: ImportCounts = { imported: 0, ignored: 0, reasons: {}, ignored_items: [] }
  for (const [index, row] of rows.entries()) {
    const fields = isJsonObject(row) ? row : {}
    const id = String(fields.id ?? '')
    const reason = findFieldError(fields) ?? findAccountError(catalog, categories, id, fields)
    if (reason) {
      ignoreItem(counts, { index, id, reason })
      continue
    }
    catalog.items.set(id, { id, source, fields })
    for (const category of categoriesOf(fields)) categories.add(category)
    counts.imported += 1
  }
  return counts
}

function ignoreItem(counts: ImportCounts, item: IgnoredItem): void {
  counts.ignored += 1
  counts.reasons[item.reason] = (counts.reasons[item.reason] ?? 0) + 1
  if (counts.ignored_items.length < KEPT_IGNORED) counts.ignored_items.push(item)
}

function findFieldError(fields: JsonObject): string | null {
  const { price, categories, ...others } = fields
  const blank = REQUIRED.find((name) => !isText(fields[name]))
  if (blank) return `${blank} is missing, blank or not a text`
  if (price !== undefined && typeof price !== 'number') return 'price is not a number'
  if (categories !== undefined && !isListOfTexts(categories))
    return 'categories is not a list of texts'
  const nested = Object.keys(others).find((name) => isNested(others[name]))
  return nested ? `${nested} is nested: a feed is one node deep` : null
}

function findAccountError(
  { items }: Catalog,
  categories: Set<string>,
  id: string,
  fields: JsonObject,
): string | null {
  if (items.has(id)) return 'id is used twice in the account'
  if (items.size >= LIMITS.catalogItems)
    return `the account holds ${LIMITS.catalogItems} items already`
  const added = new Set(categoriesOf(fields).filter((category) => !categories.has(category)))
  if (categories.size + added.size > LIMITS.catalogCategories)
    return `the account holds ${LIMITS.catalogCategories} categories already`
  return null
}

function categoriesOf(fields: JsonObject): string[] {
  return isListOfTexts(fields.categories) ? fields.categories : []
}

function isListOfTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

function isNested(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== ''
}
