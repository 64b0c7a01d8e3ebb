import { z } from 'zod'
import { countedFinding, reportedItem, reportItems } from '../catalog/catalog-report.ts'
import { findingCodes } from '../catalog/finding-codes.ts'
import type { LintSettings } from '../catalog/lint-rules.ts'
import type { Database } from '../db/connection.ts'
import { type ApiContext, endpoint, noBody, none } from '../http/endpoint.ts'
import { AppError } from '../lib/errors.ts'
import { instant } from '../lib/fields.ts'
import { pageQuery } from '../lib/pagination.ts'
import { releaseFeed } from './feed-state.ts'
import { type FeedStatus, readFeedStatuses } from './feed-status.ts'
import { createReportSummaries, feedResources } from './report-summary.ts'

const format = z.enum(['json', 'xml'])
const feed = z.enum(['products', 'stores'])

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
    poll_overdue: z.boolean(),
    warnings: z.array(z.string()),
  })
  .meta({ id: 'FeedStatus' })

const common = { tag: 'feeds', query: none, body: noBody } as const

/** `publicUrl` is the address Klaviyo polls; null: the one this request came to. */
export function feedStatusRoutes(
  api: ApiContext,
  db: Database,
  { publicUrl, ...lint }: LintSettings & { publicUrl: string | null },
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
  reportRoutes(api, db, lint)
  endpoint(
    api,
    {
      ...common,
      method: 'post',
      path: '/v1/feeds/{feed}/release',
      params: z.strictObject({ feed }),
      scope: 'admin',
      operationId: 'releaseFeed',
      summary: 'Serve a held feed as it is now, with all the items it lost gone',
      responses: { 204: { description: 'The next poll gets it' } },
      errors: ['conflict'],
    },
    async ({ params }, c) => {
      if (!(await releaseFeed(db, params.feed)))
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

function reportRoutes(api: ApiContext, db: Database, lint: LintSettings): void {
  const summaryOf = createReportSummaries(db, lint)
  endpoint(
    api,
    {
      ...common,
      method: 'get',
      path: '/v1/feeds/{feed}/report',
      params: z.strictObject({ feed }),
      query: z.strictObject({
        ...pageQuery,
        finding: z
          .enum(findingCodes)
          .optional()
          .meta({ description: 'Only items in which this was found' }),
      }),
      scope: 'read',
      operationId: 'reportFeed',
      summary: 'Problems of a feed, item by item, with what to do about each',
      responses: {
        200: {
          description: 'The items in which something was found, in the order of their ids',
          schema: z.strictObject({
            items: z.array(reportedItem),
            next_cursor: z.string().nullable(),
          }),
        },
      },
    },
    async ({ params, query }, c) => {
      const { items, nextCursor } = await reportItems(db, feedResources[params.feed], query, lint)
      return c.json({ items, next_cursor: nextCursor })
    },
  )
  endpoint(
    api,
    {
      ...common,
      method: 'get',
      path: '/v1/feeds/{feed}/report/summary',
      params: z.strictObject({ feed }),
      scope: 'read',
      operationId: 'summarizeReport',
      summary: 'In how many items of a feed each problem was found',
      responses: {
        200: {
          description: 'What was found, in no item of what is not named',
          schema: z
            .strictObject({
              version: z.int(),
              items: z.int().meta({ description: 'How many are published' }),
              findings: z.array(countedFinding),
            })
            .meta({ id: 'ReportSummary' }),
        },
      },
    },
    async ({ params }, c) => c.json(await summaryOf(params.feed)),
  )
}
