/** What the REST API tells of feeds, as the pages need it. */
import { z } from 'zod'
import { type Api, read } from './api.ts'

const feedStatus = z.object({
  feed: z.enum(['products', 'stores']),
  state: z.enum(['fresh', 'waiting', 'held', 'never built']),
  items: z.number(),
  built_at: z.string().nullable(),
  held_since: z.string().nullable(),
  held_reason: z.string().nullable(),
  pending_changes: z.number(),
  limit_bytes: z.number(),
  files: z.array(
    z.object({ format: z.string(), url: z.string(), bytes: z.number(), advised_parts: z.number() }),
  ),
  last_polls: z.array(
    z.object({
      at: z.string(),
      format: z.string(),
      status: z.number(),
      bytes: z.number(),
      milliseconds: z.number(),
      user_agent: z.string().nullable(),
    }),
  ),
  next_poll_expected_at: z.string().nullable(),
  changed_since_poll: z.boolean().nullable(),
  poll_overdue: z.boolean(),
  warnings: z.array(z.string()),
})
export type FeedStatus = z.infer<typeof feedStatus>
export type FeedName = FeedStatus['feed']

const feedList = z.object({ feeds: z.array(feedStatus) })

export const readFeeds = async (api: Api): Promise<FeedStatus[]> =>
  (await read(api, '/v1/feeds', feedList)).feeds

/** HEAD, which gets nothing, is no such poll. */
export const lastPollOf = ({ last_polls }: FeedStatus) =>
  last_polls.find(({ status, bytes }) => status === 304 || bytes > 0)

const summary = z.object({
  findings: z.array(
    z.object({
      code: z.string(),
      severity: z.enum(['error', 'warning']),
      count: z.number(),
      found: z.string(),
      advice: z.string(),
    }),
  ),
})
export type Finding = z.infer<typeof summary>['findings'][number] & { feed: FeedName }

const feedNames = ['products', 'stores'] as const

/** The worst first, then the most frequent. */
export async function readFindings(api: Api): Promise<Finding[]> {
  const found = await Promise.all(
    feedNames.map(async (feed) => {
      const { findings } = await read(api, `/v1/feeds/${feed}/report/summary`, summary)
      return findings.map((one) => ({ ...one, feed }))
    }),
  )
  return found.flat().sort((a, b) => a.severity.localeCompare(b.severity) || b.count - a.count)
}

const heldItems = z.object({
  items_now: z.number(),
  items_then: z.number(),
  items: z.array(
    z.object({ id: z.string(), title: z.string(), reason: z.enum(['removed', 'unpublished']) }),
  ),
  next_cursor: z.string().nullable(),
})
export type HeldItems = z.infer<typeof heldItems>

export function readHeld(
  api: Api,
  feed: FeedName,
  limit: number,
  cursor?: string,
): Promise<HeldItems> {
  const query = new URLSearchParams({ limit: String(limit), ...(cursor ? { cursor } : {}) })
  return read(api, `/v1/feeds/${feed}/held?${query}`, heldItems)
}

export const feedItem = z.object({
  in_feed: z.boolean(),
  detail: z.string().nullable(),
  json: z.string().nullable(),
  xml: z.string().nullable(),
  findings: z.array(
    z.object({
      code: z.string(),
      severity: z.enum(['error', 'warning']),
      found: z.string(),
      advice: z.string(),
    }),
  ),
  last_poll: z.object({ at: z.string(), had_item: z.boolean().nullable() }).nullable(),
  next_poll_expected_at: z.string().nullable(),
})
export type FeedItem = z.infer<typeof feedItem>
