import { z } from 'zod'
import { finding } from '../catalog/catalog-report.ts'
import type { LintSettings } from '../catalog/lint-rules.ts'
import type { Database } from '../db/connection.ts'
import { type ApiContext, endpoint, noBody, none } from '../http/endpoint.ts'
import { AppError } from '../lib/errors.ts'
import { id, instant } from '../lib/fields.ts'
import { readFeedItem, reasons } from './feed-item.ts'
import { byFeed } from './feed-routes.ts'
import type { FeedService } from './feed-service.ts'

const feedItemView = z
  .strictObject({
    ...byFeed.shape,
    id: z.string(),
    in_feed: z.boolean(),
    reason: z.enum(reasons).nullable().meta({
      description: 'Why it is not in the feed, or may not be there as its record is now',
    }),
    detail: z.string().nullable().meta({ description: 'The reason in words' }),
    json: z.string().nullable().meta({ description: 'Its text in the JSON file' }),
    xml: z.string().nullable().meta({ description: 'Its text in the XML file' }),
    version: z.int().meta({ description: 'Of the feed' }),
    findings: z.array(finding),
    last_poll: z
      .strictObject({
        at: instant,
        had_item: z.boolean().nullable().meta({
          description:
            'Whether it got the item as it is now; null when the item, or one beside it, has changed since',
        }),
      })
      .nullable()
      .meta({ description: 'The last one by GET; null before the first' }),
    next_poll_expected_at: instant.nullable(),
  })
  .meta({ id: 'FeedItemView' })

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
