/** Readers of a test's database, each with copies in memory of its own, as a server of its own has. */
import type { Database } from '../../src/db/connection.ts'
import type { FeedFormat } from '../../src/db/schema/feeds.ts'
import {
  createFeedService,
  type FeedService,
  type FeedServiceSettings,
} from '../../src/feeds/feed-service.ts'

export const testRenderer = {
  renderKey: 'test',
  version: '1.2.3',
  currency: 'USD',
  decimals: 2,
  storeProductIds: true,
  pieceBytes: 8_192,
}

export type TestReader = { reader: FeedService; warnings: string[] }

/** `warnings` holds each message and, after it, that of the error. */
export function startReader(db: Database, settings: Partial<FeedServiceSettings> = {}): TestReader {
  const warnings: string[] = []
  const warn = (message: string, error: unknown) => {
    warnings.push(message, error instanceof Error ? error.message : 'no error')
  }
  const usual = { ...testRenderer, maxDrop: 0.5, waitMs: 10_000 }
  return { reader: createFeedService(db, { ...usual, warn, ...settings }), warnings }
}

const whole = { number: 1, of: 1 }

/** The whole feed of products. */
export async function pollReader({ reader }: TestReader, format: FeedFormat = 'json') {
  const { response: served, freshness } = await reader.poll('products', format, whole)
  let text = ''
  for await (const piece of served.text()) text += piece
  return { freshness, text }
}
