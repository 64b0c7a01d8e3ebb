/** Reading feeds as strictly as any importer may: what is read must be one node deep and never empty. */
import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { expect } from 'vitest'
import type { FeedName } from '../../src/db/schema/feeds.ts'

export type ReadItem = Record<string, string | number | boolean | string[]>

export function readJson(text: string): ReadItem[] {
  const items: ReadItem[] = JSON.parse(text)
  for (const item of items) {
    for (const [name, value] of Object.entries(item)) {
      const values = name === 'categories' ? [value].flat() : [value]
      expect(values.length).toBeGreaterThan(0)
      for (const one of values) {
        expect(['string', 'number', 'boolean']).toContain(typeof one)
        expect(String(one).trim()).not.toBe('')
      }
    }
  }
  return items
}

const elements = { products: ['Products', 'Product'], stores: ['Stores', 'Store'] } as const

const parser = new XMLParser({
  trimValues: false,
  parseTagValue: false,
  processEntities: true,
  htmlEntities: true,
  ignoreAttributes: false,
  isArray: (name) => name === 'Product' || name === 'Store',
})

/** Every value is text. */
export function readXml(feed: FeedName, text: string): Record<string, string>[] {
  expect(XMLValidator.validate(text)).toBe(true)
  const [root, element] = elements[feed]
  const document = parser.parse(text)
  expect(Object.keys(document)).toEqual(['?xml', root])
  const items: Record<string, string>[] = document[root][element] ?? []
  for (const item of items) {
    for (const value of Object.values(item)) {
      expect(typeof value).toBe('string')
      expect(value.trim()).not.toBe('')
    }
  }
  return items
}

/** What an item of JSON says, said as XML does: names without `$`, values as text, the list comma-joined. */
export function asXmlItem(item: ReadItem): Record<string, string> {
  return Object.fromEntries(
    Object.entries(item).map(([name, value]) => [
      name.replace('$', ''),
      Array.isArray(value) ? asXmlCategories(value) : String(value),
    ]),
  )
}

function asXmlCategories(categories: string[]): string {
  const plain = categories.map((category) => category.split(',').map((part) => part.trim()))
  const joined = plain.map((parts) => parts.join(' ').trim())
  return [...new Set(joined)].filter((one) => one !== '' && one !== 'n/a').join(',') || 'n/a'
}
