import { z } from 'zod'
import { reportItems } from '../catalog/catalog-report.ts'
import { findingCodes } from '../catalog/finding-codes.ts'
import { reportedItem } from '../catalog/finding-schemas.ts'
import type { LintSettings } from '../catalog/lint-rules.ts'
import type { Database } from '../db/connection.ts'
import { type ApiContext, endpoint, noBody, none } from '../http/endpoint.ts'
import { pageQuery } from '../lib/pagination.ts'
import { byFeed, reportSummary } from './feed-schemas.ts'
import { createReportSummaries, feedResources } from './report-summary.ts'

const common = { tag: 'feeds', query: none, body: noBody, scope: 'read', method: 'get' } as const

export function reportRoutes(api: ApiContext, db: Database, lint: LintSettings): void {
  const summaryOf = createReportSummaries(db, lint)
  endpoint(
    api,
    {
      ...common,
      path: '/v1/feeds/{feed}/report',
      params: byFeed,
      query: z.strictObject({
        ...pageQuery,
        finding: z
          .enum(findingCodes)
          .optional()
          .meta({ description: 'Only items in which this was found' }),
      }),
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
      path: '/v1/feeds/{feed}/report/summary',
      params: byFeed,
      operationId: 'summarizeReport',
      summary: 'In how many items of a feed each problem was found',
      responses: {
        200: {
          description: 'What was found, in no item of what is not named',
          schema: reportSummary,
        },
      },
    },
    async ({ params }, c) => c.json(await summaryOf(params.feed)),
  )
}
