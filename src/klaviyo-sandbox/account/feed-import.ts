/** Imports a feed as Klaviyo does: fetches a URL, reads JSON or XML. */
import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { ResponseTooLargeError, sendRequest } from '../../lib/http-request.ts'
import { isJsonObject, type JsonObject, parseJson } from '../api/json.ts'
import { LIMITS } from '../api/limits.ts'
import { type Catalog, type ImportReport, replaceItems, saveReport } from './catalog.ts'

const TIMEOUT_MS = 60_000
const MEGABYTE = 1_000_000

type Fetched = { bytes: number; waitedMs: number; text: string }
type ParsedFeed = { rows: unknown[] } | { error: string }

/** Never throws for an invalid feed: the report says what is wrong, and the catalog is unchanged. */
export async function importFeed(catalog: Catalog, url: string): Promise<ImportReport> {
  const report = await readFeed(catalog, url)
  saveReport(catalog, report)
  return report
}

async function readFeed(catalog: Catalog, url: string): Promise<ImportReport> {
  const empty = {
    url,
    at: new Date().toISOString(),
    bytes: 0,
    imported: 0,
    ignored: 0,
    reasons: {},
    ignored_items: [],
    warnings: [],
  }
  const fetched = await fetchFeed(url).catch((error: Error) => ({ error: causeOf(error) }))
  if ('error' in fetched) return { ...empty, error: fetched.error }
  const { bytes } = fetched
  const parsed = parseFeed(fetched.text)
  if ('error' in parsed) return { ...empty, bytes, error: parsed.error }
  const counts = replaceItems(catalog, url, parsed.rows)
  return { ...empty, bytes, error: null, ...counts, warnings: warningsOf(fetched) }
}

async function fetchFeed(url: string): Promise<Fetched | { error: string }> {
  const headers = { 'user-agent': 'Klaviyo/1.0' }
  const limits = { timeoutMs: TIMEOUT_MS, maxBytes: LIMITS.feedBytes }
  const { status, body, waitedMs } = await sendRequest(url, { headers }, limits)
  if (status >= 300 && status < 400)
    return { error: `answered ${status}: redirects are not followed` }
  if (status < 200 || status > 299) return { error: `answered ${status}` }
  return {
    bytes: body.byteLength,
    waitedMs: Math.round(waitedMs),
    text: body.toString('utf8').replace(/^\uFEFF/, ''),
  }
}

function causeOf(error: Error): string {
  if (error instanceof ResponseTooLargeError)
    return `larger than ${LIMITS.feedBytes / MEGABYTE} MB: split it into several feeds`
  // Of several addresses that were tried, the message is empty.
  return error.message || ('code' in error ? String(error.code) : error.name)
}

function parseFeed(text: string): ParsedFeed {
  return text.trimStart().startsWith('<') ? parseXml(text) : parseJsonFeed(text)
}

/** A bare array of objects, Klaviyo's own fields with a `$`. */
function parseJsonFeed(text: string): ParsedFeed {
  const json = parseJson(text)
  if (json === undefined) return { error: 'neither JSON nor XML' }
  if (!Array.isArray(json)) return { error: 'not a bare array: an envelope is not imported' }
  return { rows: json.map((row) => (isJsonObject(row) ? withoutDollars(row) : row)) }
}

function withoutDollars(row: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name.replace(/^\$/, ''), value]),
  )
}

/** `<Products><Product>…`: one root, its children all of one name. */
function parseXml(text: string): ParsedFeed {
  const valid = XMLValidator.validate(text)
  if (valid !== true)
    return { error: `not well-formed XML: ${valid.err.msg} (line ${valid.err.line})` }
  const parser = new XMLParser({ parseTagValue: false, ignoreDeclaration: true })
  const root: unknown = Object.values(parser.parse(text))[0]
  if (root === '') return { rows: [] }
  const children = isJsonObject(root) ? Object.values(root) : []
  if (children.length !== 1) return { error: 'the root element must hold items of one name only' }
  return { rows: children.flat().map((row) => (isJsonObject(row) ? withTypes(row) : row)) }
}

/** XML has only text; Klaviyo's field mapping gives price its type and splits the categories. */
function withTypes(row: JsonObject): JsonObject {
  const { price, categories, ...rest } = row
  const typedRow: JsonObject = { ...rest }
  if (price !== undefined) typedRow.price = isNumeral(price) ? Number(price) : price
  if (typeof categories === 'string')
    typedRow.categories = categories === '' ? [] : categories.split(',')
  else if (categories !== undefined) typedRow.categories = categories
  return typedRow
}

function isNumeral(value: unknown): boolean {
  return typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value)
}

function warningsOf({ bytes, waitedMs }: Fetched): string[] {
  const warnings: string[] = []
  if (bytes > LIMITS.feedBytesAdvised)
    warnings.push(`larger than the ${LIMITS.feedBytesAdvised / MEGABYTE} MB that Klaviyo advises`)
  if (waitedMs > LIMITS.feedMsAdvised)
    warnings.push(
      `the answer took ${waitedMs} ms, ${LIMITS.feedMsAdvised} are allowed to web feeds`,
    )
  return warnings
}
