/** What the API says of messages, of their queues, and of why they failed. */
import { z } from 'zod'
import { metrics, queueNames, statuses } from '../db/schema/outbox.ts'
import { instant } from '../lib/fields.ts'
import { warningRecord } from '../lib/warning.ts'

export const messageRecord = z
  .strictObject({
    id: z.int(),
    order_id: z.string().nullable(),
    customer_id: z.string().nullable(),
    metric: z.enum(metrics),
    ref: z.string().meta({
      description:
        'Line of the order, id of the order update, order returned from, number of the amendment, `visit` or `edit`',
    }),
    unique_id: z.string(),
    occurred_at: instant,
    backfill: z.boolean(),
    status: z.enum(statuses),
    attempts: z.int(),
    next_at: instant,
    error: z.string().nullable(),
    warnings: z.array(warningRecord).meta({ description: 'What is missing or wrong in it' }),
    payload: z.unknown().meta({ description: 'As last sent; null before the first attempt' }),
    request_id: z.string().nullable().meta({ description: 'Klaviyo’s id of the request' }),
    sent_to: z.string().nullable().meta({ description: 'URL of Klaviyo or of a sandbox' }),
    created_at: instant,
    settled_at: instant.nullable(),
    paused_until: instant.nullable().meta({
      description: 'While sending is paused, until when; null when it is not',
    }),
    pause_reason: z
      .string()
      .nullable()
      .meta({ description: 'What Klaviyo answered that paused it' }),
    amendment: z
      .int()
      .nullable()
      .meta({ description: 'The newest amendment that a placed or returned order contains' }),
  })
  .meta({ id: 'Event' })
export type MessageRecord = z.infer<typeof messageRecord>

export const eventPage = z
  .strictObject({ events: z.array(messageRecord), next_cursor: z.string().nullable() })
  .meta({ id: 'EventPage' })

const queueSummary = z
  .strictObject({
    queue: z.enum(queueNames),
    pending: z.int(),
    failed: z.int(),
    unsendable: z.int(),
    discarded: z.int(),
    oldest_pending_at: instant.nullable().meta({ description: 'When it was written' }),
    next_at: instant.nullable().meta({ description: 'When the next message that waits is due' }),
    last_sent_at: instant.nullable().meta({ description: 'Of the last 24 hours' }),
    sent_last_hour: z.int(),
    sent_last_day: z.int(),
    failed_last_day: z.int(),
    paused_until: instant.nullable(),
    pause_reason: z.string().nullable(),
  })
  .meta({ id: 'QueueSummary' })
export const deliverySummary = z
  .strictObject({ queues: z.array(queueSummary) })
  .meta({ id: 'EventSummary' })
export type QueueSummary = z.infer<typeof queueSummary>

const eventCause = z.strictObject({
  cause: z.string().meta({ description: 'Its name, as a filter of messages' }),
  detail: z.string().meta({
    description: 'What the errors have in common, without e-mails, numbers and what is quoted',
  }),
  count: z.int(),
  first_at: instant.meta({ description: 'When the oldest of the messages was written' }),
  last_at: instant,
  last_id: z.int().meta({ description: 'The newest of the messages' }),
})

export type EventCause = z.infer<typeof eventCause>

export const causeReport = z
  .strictObject({
    causes: z.array(eventCause.meta({ id: 'EventCause' })),
    messages: z.int().meta({ description: 'How many messages were read, the newest ones' }),
    more: z.boolean().meta({ description: 'Whether there may be older ones' }),
  })
  .meta({ id: 'EventCauses' })
export type CauseReport = z.infer<typeof causeReport>

/** The most messages that one request changes. */
export const maxChanged = 10_000

const counts = {
  matched: z.int().meta({ description: `At most ${maxChanged}, the oldest` }),
  skipped: z.int().meta({
    description: 'Left as they are: being sent, or changed by somebody else, at this moment',
  }),
  more: z.boolean().meta({ description: 'Whether others match, for another request' }),
}
export const retryCounts = z
  .strictObject({ retried: z.int(), ...counts })
  .meta({ id: 'EventRetryCounts' })
export const discardCounts = z
  .strictObject({ discarded: z.int(), ...counts })
  .meta({ id: 'EventDiscardCounts' })
