import { z } from 'zod'
import type { Database } from '../db/connection.ts'
import { type ApiContext, endpoint, noBody, none } from '../http/endpoint.ts'
import { AppError } from '../lib/errors.ts'
import { pageQuery } from '../lib/pagination.ts'
import { byFeed, feedList, heldItems } from './feed-schemas.ts'
import { releaseFeed } from './feed-state.ts'
import { type FeedStatus, readFeedStatuses } from './feed-status.ts'
import { readHeldItems } from './held-items.ts'

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
        200: { description: 'All feeds', schema: feedList },
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
