/** What the API says of feeds, of their items, and of what was found in them. */
import { z } from 'zod'
import { countedFinding, finding } from '../catalog/finding-schemas.ts'
import { instant } from '../lib/fields.ts'

const format = z.enum(['json', 'xml'])
const feed = z.enum(['products', 'stores'])
export const byFeed = z.strictObject({ feed })

export const feedStatus = z
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

export const heldItems = z
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

export const feedList = z.strictObject({ feeds: z.array(feedStatus) })

const reasons = ['unpublished', 'pending', 'held', 'not_built', 'missing'] as const
export type Reason = (typeof reasons)[number]

export const feedItemView = z
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

export const reportSummary = z
  .strictObject({
    version: z.int(),
    items: z.int().meta({ description: 'How many are published' }),
    findings: z.array(countedFinding),
  })
  .meta({ id: 'ReportSummary' })
