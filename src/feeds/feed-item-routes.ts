import type { LintSettings } from '../catalog/lint-rules.ts'
import type { Database } from '../db/connection.ts'
import { type ApiContext, endpoint, noBody, none } from '../http/endpoint.ts'
import { AppError } from '../lib/errors.ts'
import { id } from '../lib/fields.ts'
import { readFeedItem } from './feed-item.ts'
import { byFeed, feedItemView } from './feed-schemas.ts'
import type { FeedService } from './feed-service.ts'

export function feedItemRoutes(
  api: ApiContext,
  db: Database,
  { feeds, ...lint }: LintSettings & { feeds: Pick<FeedService, 'poll'> },
): void {
  endpoint(
    api,
    {
      tag: 'feeds',
      query: none,
      body: noBody,
      method: 'get',
      path: '/v1/feeds/{feed}/items/{id}',
      params: byFeed.extend({ id }),
      scope: 'read',
      operationId: 'getFeedItem',
      summary: 'Read one item as a poll gets it now, or why the feed lacks it',
      responses: {
        200: { description: 'The item, and what was found in it', schema: feedItemView },
      },
      errors: ['not_found'],
    },
    async ({ params }, c) => {
      await updateAsPollsDo(feeds, params.feed)
      return c.json(await readFeedItem(db, params.feed, params.id, lint))
    },
  )
}

/** A feed that was never built is told of the item instead. */
async function updateAsPollsDo(
  feeds: Pick<FeedService, 'poll'>,
  feed: 'products' | 'stores',
): Promise<void> {
  try {
    await feeds.poll(feed, 'json', { number: 1, of: 1 })
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'unavailable')) throw error
  }
}
