/** What the REST API tells of feeds, as the pages need it. */
import type { z } from 'zod'
import type { CountedFinding } from '../catalog/finding-schemas.ts'
import {
  type feedItemView,
  feedList,
  type feedStatus,
  heldItems,
  reportSummary,
} from '../feeds/feed-schemas.ts'
import { type Api, read } from './api.ts'

export type FeedStatus = z.infer<typeof feedStatus>
export type FeedName = FeedStatus['feed']

export const readFeeds = async (api: Api): Promise<FeedStatus[]> =>
  (await read(api, '/v1/feeds', feedList)).feeds

/** HEAD, which gets nothing, is no such poll. */
export const lastPollOf = ({ last_polls }: FeedStatus) =>
  last_polls.find(({ status, bytes }) => status === 304 || bytes > 0)

export type Finding = CountedFinding & { feed: FeedName }

const feedNames = ['products', 'stores'] as const

/** The worst first, then the most frequent. */
export async function readFindings(api: Api): Promise<Finding[]> {
  const found = await Promise.all(
    feedNames.map(async (feed) => {
      const { findings } = await read(api, `/v1/feeds/${feed}/report/summary`, reportSummary)
      return findings.map((one) => ({ ...one, feed }))
    }),
  )
  return found.flat().sort((a, b) => a.severity.localeCompare(b.severity) || b.count - a.count)
}

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

export type FeedItem = z.infer<typeof feedItemView>
