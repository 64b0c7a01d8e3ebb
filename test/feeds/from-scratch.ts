/** Comparing the feeds that are served with feeds that a new server renders from nothing. */
import { sql } from 'drizzle-orm'
import { expect } from 'vitest'
import type { TestDatabase } from '../support/database.ts'
import { poll } from './polls.ts'
import { startAnother } from './servers.ts'

const files = ['products.json', 'products.xml', 'stores.json', 'stores.xml']

/** By file; `headers` may hold the key. */
export async function readFeeds(
  url: string,
  headers: Record<string, string> = {},
): Promise<Record<string, string>> {
  const texts = await Promise.all(
    files.map(async (file) => {
      const { status, text } = await poll(`${url}/feeds/${file}`, { headers })
      expect([file, status]).toEqual([file, 200])
      return [file, text] as const
    }),
  )
  return Object.fromEntries(texts)
}

export async function expectAsFromScratch(
  served: Record<string, string>,
  { db, url }: TestDatabase,
): Promise<void> {
  await db.execute(sql`truncate feed_chunks, feed_state, feed_changes`)
  const rebuilt = await startAnother(url)
  try {
    expect(await readFeeds(rebuilt.url)).toEqual(served)
  } finally {
    await rebuilt.stop()
  }
}
