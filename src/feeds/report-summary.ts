/** The findings of a feed, counted once for each state of its data. */
import { sql } from 'drizzle-orm'
import { countFindings } from '../catalog/catalog-report.ts'
import type { CountedFinding } from '../catalog/finding-schemas.ts'
import type { LintSettings } from '../catalog/lint-rules.ts'
import { productResource } from '../catalog/products.ts'
import { storeResource } from '../catalog/stores.ts'
import { type Database, type Queryable, snapshot } from '../db/connection.ts'
import { type FeedName, feedBuilds, feedChanges, feedState } from '../db/schema/feeds.ts'

export const feedResources = { products: productResource, stores: storeResource } as const

export type ReportSummary = {
  /** Of the feed that is served; 0 before the first. */
  version: number
  items: number
  findings: CountedFinding[]
}

type Kept = { key: string; summary: Promise<ReportSummary> }

/**
 * Counting reads the whole catalog, so the result is kept. Whatever it depends on is in the feed: with the same build and
 * the same pending changes it is the same. Callers that ask meanwhile share it.
 */
export function createReportSummaries(
  db: Database,
  settings: LintSettings,
): (feed: FeedName) => Promise<ReportSummary> {
  const kept = new Map<FeedName, Kept>()

  async function read(feed: FeedName): Promise<ReportSummary> {
    const { key } = await readKey(db, feed)
    const found = kept.get(feed)
    if (found?.key === key) return found.summary
    const summary = count(db, feed, settings)
    const entry = {
      key,
      summary: summary.then(({ version, items, findings }) => ({ version, items, findings })),
    }
    kept.set(feed, entry)
    // What was read belongs to the state of its own snapshot, which may be a later one.
    await summary.then(
      (counted) => {
        entry.key = counted.key
      },
      () => {
        if (kept.get(feed) === entry) kept.delete(feed)
      },
    )
    return entry.summary
  }
  return read
}

const count = (db: Database, feed: FeedName, settings: LintSettings) =>
  snapshot(db, async (tx) => ({
    ...(await readKey(tx, feed)),
    ...(await countFindings(tx, feedResources[feed], settings)),
  }))

/** Versions repeat after a restore; builds do not. A change is pending from the commit of a write until it is rendered. */
async function readKey(db: Queryable, feed: FeedName): Promise<{ key: string; version: number }> {
  const [row] = await db.execute<{ key: string; version: number }>(sql`
    select concat_ws(' ', b.build, c.count, c.newest) as key, coalesce(s.version, 0)::float8 as version
    from (select count(*), max(changed_at) as newest from ${feedChanges} where feed = ${feed}) c
    left join ${feedState} s on s.feed = ${feed}
    left join ${feedBuilds} b on b.feed = s.feed and b.version = s.version`)
  if (!row) throw new Error('a query without conditions returned no row')
  return row
}
