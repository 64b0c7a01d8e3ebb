import { type Database, type Queryable, snapshot } from '../db/connection.ts'
import { readFeedStatuses } from '../feeds/feed-status.ts'
import { countItems } from '../feeds/item-rows.ts'
import { type Renderer, readRendererProblems } from '../feeds/renderer.ts'
import { type Diagnostic, error, ok, warning } from './diagnostic.ts'

const area = 'feeds'

export async function checkFeeds(db: Database, own: Renderer): Promise<Diagnostic[]> {
  const statuses = await readFeedStatuses(db)
  const others = await readRendererProblems(db, own)
  return [
    ...statuses.flatMap(({ feed, state, items, warnings }) => [
      ok(area, `The ${feed} feed is ${state} and has ${items} items.`),
      ...warnings.map((text) => warning(area, text, null)),
    ]),
    ...others.map((text) => warning(area, text, null)),
    ...(await snapshot(db, checkCounts)),
  ]
}

/** Data that is restored or loaded with triggers off records no changes. */
async function checkCounts(tx: Queryable): Promise<Diagnostic[]> {
  const diagnostics: Diagnostic[] = []
  for (const { feed, state, items } of await readFeedStatuses(tx)) {
    const published = await countItems(tx, feed)
    if (state === 'fresh' && published !== items)
      diagnostics.push(
        error(
          area,
          `The ${feed} feed has ${items} items, but ${published} are published.`,
          'Rows were written with triggers off. Run storefeed rebuild.',
        ),
      )
  }
  return diagnostics
}
