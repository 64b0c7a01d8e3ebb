/** In charge of the tables of the push wing: messages to Klaviyo, and the state of the queues they travel in. */
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
import { merchantId } from './columns.ts'

export const metrics = [
  'placed_order',
  'ordered_product',
  'fulfilled_order',
  'cancelled_order',
  'refunded_order',
  'profile',
] as const
export type Metric = (typeof metrics)[number]

export const statuses = ['pending', 'sent', 'failed', 'unsendable', 'discarded'] as const
export type Status = (typeof statuses)[number]

/** Events and profiles travel apart: Klaviyo takes far fewer profiles a minute than events. */
export const queueNames = ['events', 'profiles'] as const
export type QueueName = (typeof queueNames)[number]

const moment = () => timestamp({ withTimezone: true, precision: 3 })

/** Written by triggers. A message belongs to an order or to a customer, never to both; it outlives them. */
export const outbox = pgTable(
  'outbox',
  {
    id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    order_id: merchantId(),
    customer_id: merchantId(),
    metric: text({ enum: metrics }).notNull(),
    /** What in the order or about the customer: a line, the id of an order update, `visit` or `edit`. */
    ref: merchantId().notNull().default(''),
    unique_id: merchantId().notNull(),
    occurred_at: moment().notNull(),
    /** History: recorded by Klaviyo without triggering flows, and sent after everything live. */
    backfill: boolean().notNull().default(false),
    status: text({ enum: statuses }).notNull().default('pending'),
    attempts: integer().notNull().default(0),
    next_at: timestamp({ withTimezone: true }).notNull().defaultNow(),
    error: text(),
    warnings: text().array().notNull().default([]),
    /** As sent, key for key: `json` keeps the text that `jsonb` would rearrange. */
    payload: json(),
    request_id: text(),
    /** What was sent to a sandbox never counts as sent to Klaviyo. */
    sent_to: text(),
    created_at: moment().notNull().defaultNow(),
    settled_at: moment(),
  },
  (table) => [
    check(
      'outbox_metric_known',
      sql`${table.metric} in ('placed_order', 'ordered_product', 'fulfilled_order', 'cancelled_order', 'refunded_order', 'profile')`,
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
    index('outbox_set_aside')
      .on(table.status, table.created_at, table.id)
      .where(sql`${table.status} in ('failed', 'unsendable', 'discarded')`),
  ],
)

/**
 * Notes of triggers: these customers got another e-mail or telephone, or another order, so what could not
 * be sent of their orders perhaps can. Without a key: a note never waits for the sender that takes others.
 */
export const outboxRequeues = pgTable('outbox_requeues', { customer_id: merchantId().notNull() })

/** One row a queue, read and written only by whoever holds the queue's lock; so all senders keep one pace. */
export const outboxQueues = pgTable('outbox_queues', {
  queue: text({ enum: queueNames }).primaryKey(),
  paused_until: timestamp({ withTimezone: true }),
  /** Why Klaviyo turned the sender away (a key, a retired API); null when it does not. */
  alarm: text(),
  alarm_at: moment(),
  /** Requests of the last minute, counted by endpoint and second. */
  requests: jsonb().$type<Record<string, Record<string, number>>>().notNull().default({}),
})

/** One row: what the triggers must know of the settings. */
export const outboxSettings = pgTable('outbox_settings', {
  backfill_after: interval().notNull().default('1 day'),
})
