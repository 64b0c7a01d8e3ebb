import { z } from 'zod'
import type { Database } from '../db/connection.ts'
import { type ApiContext, endpoint, noBody, none } from '../http/endpoint.ts'
import { AppError } from '../lib/errors.ts'
import { instant } from '../lib/fields.ts'
import { pageQuery } from '../lib/pagination.ts'
import { releaseFeed } from './feed-state.ts'
import { type FeedStatus, readFeedStatuses } from './feed-status.ts'
import { readHeldItems } from './held-items.ts'

const format = z.enum(['json', 'xml'])
const feed = z.enum(['products', 'stores'])
export const byFeed = z.strictObject({ feed })

const feedStatus = z
  .strictObject({
    feed,
    state: z.enum(['fresh', 'waiting', 'held', 'never built']),
    version: z.int(),
    items: z.int(),
    built_at: instant.nullable(),
    age_seconds: z.number().nullable().meta({
      description: 'Since what is served was built: old only if nothing has changed since',
    }),
    held_since: instant.nullable(),
    held_reason: z.string().nullable(),
    pending_changes: z.int(),
    oldest_change_at: instant.nullable(),
    limit_bytes: z.int().meta({
      description:
        'The size that Klaviyo advises for a file at most, uncompressed; a larger one is polled in parts',
    }),
    files: z.array(
      z.strictObject({
        format,
        url: z.url(),
        bytes: z.int(),
        gzip_bytes: z.int(),
        advised_parts: z.int(),
      }),
    ),
    last_polls: z.array(
      z.strictObject({
        at: instant,
        format,
        status: z.int(),
        bytes: z.int(),
        milliseconds: z.int(),
        user_agent: z.string().nullable(),
        address: z.string().nullable(),
      }),
    ),
    next_poll_expected_at: instant.nullable().meta({
      description:
        'Six hours after the last poll by GET, as Klaviyo polls; null before the first, past when it is late',
    }),
    changed_since_poll: z.boolean().nullable().meta({
      description:
        'Whether a poll now gets another feed than the last one by GET got; null before the first, or when unknown',
    }),
    poll_overdue: z.boolean(),
    warnings: z.array(z.string()),
  })
  .meta({ id: 'FeedStatus' })

const heldItems = z
  .strictObject({
    held_since: instant.nullable().meta({ description: 'Null: the feed is not held' }),
    items_now: z.int().meta({ description: 'How many items the feed that is served has' }),
    items_then: z.int().meta({ description: 'How many it has once it is released' }),
    items: z.array(
      z.strictObject({
        id: z.string(),
        title: z.string(),
        reason: z.enum(['removed', 'unpublished']),
      }),
    ),
    next_cursor: z.string().nullable().meta({
      description: 'A page may have fewer items than its limit; the last one has no cursor',
    }),
  })
  .meta({ id: 'HeldItems' })

const releaseQuery = z.strictObject({
  items: z.coerce.number('must be a number').int().min(0).max(2_147_483_647).default(0).meta({
    description:
      'How many items you expect it to have then: should it have far fewer, it is held again',
  }),
})

const common = { tag: 'feeds', query: none, body: noBody } as const

/** `publicUrl` is the address Klaviyo polls; null: the one this request came to. */
export function feedStatusRoutes(
  api: ApiContext,
  db: Database,
  { publicUrl }: { publicUrl: string | null },
): void {
  endpoint(
    api,
    {
      ...common,
      method: 'get',
      path: '/v1/feeds',
      params: none,
      scope: 'read',
      operationId: 'listFeeds',
      summary: 'What each feed holds and how fresh it is',
      responses: {
        200: { description: 'All feeds', schema: z.strictObject({ feeds: z.array(feedStatus) }) },
      },
    },
    async (_input, c) => {
      const base = publicUrl ?? new URL(c.req.url).origin
      return c.json({ feeds: (await readFeedStatuses(db)).map((status) => withUrls(status, base)) })
    },
  )
  endpoint(
    api,
    {
      ...common,
      method: 'get',
      path: '/v1/feeds/{feed}/held',
      params: byFeed,
      query: z.strictObject(pageQuery),
      scope: 'read',
      operationId: 'listHeldItems',
      summary: 'Items that a held feed still has and loses when it is released',
      responses: {
        200: { description: 'A page; no items when the feed is not held', schema: heldItems },
      },
    },
    async ({ params, query }, c) => c.json(await readHeldItems(db, params.feed, query)),
  )
  endpoint(
    api,
    {
      ...common,
      method: 'post',
      path: '/v1/feeds/{feed}/release',
      params: byFeed,
      query: releaseQuery,
      scope: 'admin',
      operationId: 'releaseFeed',
      summary: 'Serve a held feed as it is now, with all the items it lost gone',
      responses: { 204: { description: 'The next poll gets it' } },
      errors: ['conflict'],
    },
    async ({ params, query }, c) => {
      if (!(await releaseFeed(db, params.feed, query.items)))
        throw new AppError('conflict', `The ${params.feed} feed is not held.`)
      return c.body(null, 204)
    },
  )
}

function withUrls(status: FeedStatus, base: string) {
  const { feed, state, version, items, built_at, files, ...rest } = status
  const age_seconds = built_at && (Date.now() - Date.parse(built_at)) / 1000
  const named = files.map((file) => ({ ...file, url: `${base}/feeds/${feed}.${file.format}` }))
  return { feed, state, version, items, built_at, age_seconds, files: named, ...rest }
}
