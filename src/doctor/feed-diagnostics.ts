import type { Queryable } from '../db/connection.ts'
import { readFeedStatuses } from '../feeds/feed-status.ts'
import { type Diagnostic, ok, warning } from './diagnostic.ts'

const area = 'feeds'

export async function checkFeeds(db: Queryable): Promise<Diagnostic[]> {
  const statuses = await readFeedStatuses(db)
  return statuses.flatMap(({ feed, state, items, warnings }) => [
    ok(area, `The ${feed} feed is ${state} and has ${items} items.`),
    ...warnings.map((text) => warning(area, text, null)),
  ])
}
