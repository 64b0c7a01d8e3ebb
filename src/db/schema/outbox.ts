/** Messages to Klaviyo, and the state of their queues. */
import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  check,
  index,
  integer,
  interval,
  json,
  jsonb,
  pgTable,
  text,
  timestamp,
  uniqueIndex,
} from 'drizzle-orm/pg-core'
import { merchantId, noWarnings, oneRow, oneRowCheck } from './columns.ts'

export const metrics = [
  'placed_order',
  'ordered_product',
  'fulfilled_order',
  'cancelled_order',
  'refunded_order',
  'returned_order',
  'adjusted_order',
  'profile',
] as const
export type Metric = (typeof metrics)[number]

export const statuses = ['pending', 'sent', 'failed', 'unsendable', 'discarded'] as const
export type Status = (typeof statuses)[number]

/** Two queues, because Klaviyo accepts far fewer profiles per minute than events. */
export const queueNames = ['events', 'profiles'] as const
export type QueueName = (typeof queueNames)[number]

const milliseconds = () => timestamp({ withTimezone: true, precision: 3 })

/** Messages, written by triggers. Each belongs to an order or to a customer, never to both, and outlives it. */
export const outbox = pgTable(
  'outbox',
  {
    id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    order_id: merchantId(),
    customer_id: merchantId(),
    metric: text({ enum: metrics }).notNull(),
    /** A line, the id of an order update, the order returned from, the number of an amendment, `visit` or `edit`. */
    ref: merchantId().notNull().default(''),
    unique_id: merchantId().notNull(),
    occurred_at: milliseconds().notNull(),
    /** History: recorded by Klaviyo without triggering flows, and sent after live messages. */
    backfill: boolean().notNull().default(false),
    status: text({ enum: statuses }).notNull().default('pending'),
    attempts: integer().notNull().default(0),
    next_at: timestamp({ withTimezone: true }).notNull().defaultNow(),
    error: text(),
    warnings: noWarnings(),
    /** Of a placed or returned order: the newest amendment that the event as last built contains. */
    amendment: integer(),
    /** As sent, key for key: `json` keeps the text, `jsonb` would reorder it. */
    payload: json(),
    request_id: text(),
    /** URL. What was sent to a sandbox does not count as sent to Klaviyo. */
    sent_to: text(),
    created_at: milliseconds().notNull().defaultNow(),
    settled_at: milliseconds(),
  },
  (table) => [
    check(
      'outbox_metric_known',
      sql`${table.metric} in ('placed_order', 'ordered_product', 'fulfilled_order', 'cancelled_order', 'refunded_order', 'returned_order', 'adjusted_order', 'profile')`,
    ),
    check(
      'outbox_status_known',
      sql`${table.status} in ('pending', 'sent', 'failed', 'unsendable', 'discarded')`,
    ),
    check(
      'outbox_belongs_to_one',
      sql`case when ${table.metric} = 'profile' then ${table.order_id} is null and ${table.customer_id} is not null else ${table.order_id} is not null and ${table.customer_id} is null end`,
    ),
    uniqueIndex('outbox_once').on(table.order_id, table.metric, table.ref),
    uniqueIndex('outbox_unique_id').on(table.unique_id, table.metric),
    index('outbox_customer').on(table.customer_id).where(sql`${table.customer_id} is not null`),
    index('outbox_due_events')
      .on(table.backfill, table.next_at, table.id)
      .where(sql`${table.status} = 'pending' and ${table.order_id} is not null`),
    index('outbox_due_profiles')
      .on(table.backfill, table.next_at, table.id)
      .where(sql`${table.status} = 'pending' and ${table.customer_id} is not null`),
    index('outbox_settled_at').using('brin', table.settled_at),
    index('outbox_created_at').on(table.created_at, table.id),
    index('outbox_with_warnings')
      .on(table.created_at, table.id)
      .where(sql`${table.warnings} <> '[]'`),
    index('outbox_set_aside')
      .on(table.status, table.created_at, table.id, table.order_id)
      .where(sql`${table.status} in ('failed', 'unsendable', 'discarded')`),
  ],
)

/**
 * Written by triggers: customers with a new email, phone number or order, whose unsendable messages may now be
 * sendable. Without a key, so that a write never waits for the sender that removes other rows.
 */
export const outboxRequeues = pgTable('outbox_requeues', { customer_id: merchantId().notNull() })

/**
 * Written by triggers: orders that changed while their first event waited or was being sent. Once it is settled,
 * it is known whether it contained the change. Without a key, so that a write never waits.
 */
export const outboxAmendedOrders = pgTable('outbox_amended_orders', {
  order_id: merchantId().notNull(),
})

/** One row per queue, written under the queue's lock, so that all senders share one rate limit. */
export const outboxQueues = pgTable('outbox_queues', {
  queue: text({ enum: queueNames }).primaryKey(),
  paused_until: timestamp({ withTimezone: true }),
  /** What Klaviyo answered that paused it. */
  pause_reason: text(),
  /** Why Klaviyo rejects the sender (a wrong key, a retired API); null when it does not. */
  alarm: text(),
  alarm_at: milliseconds(),
  /** Which sender Klaviyo rejects, as a digest of its settings: one with another key does not wait for it. */
  alarm_sender: text(),
  /** Requests of the last minute by endpoint and tenth of a second. */
  requests: jsonb().$type<Record<string, Record<string, number>>>().notNull().default({}),
})

/** One row: the settings that triggers read. */
export const outboxSettings = pgTable(
  'outbox_settings',
  {
    backfill_after: interval().notNull().default('1 day'),
    one_row: oneRow(),
  },
  (table) => [oneRowCheck('outbox_settings_one_row', table.one_row)],
)
