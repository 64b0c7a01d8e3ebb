/** In charge of what an event says: from an order's record to an event, the same for every transport. */
import type { Metric } from '../../db/schema/outbox.ts'
import { orderProperties, type Properties, productProperties } from './event-properties.ts'
import { money } from './money.ts'
import { identifierOnly, type Profile, type ProfileResult, toProfile } from './profile.ts'
import type { ItemRecord, OrderRecord, UpdateRecord } from './records.ts'

/** The order's part in the history it tells: the order itself, one of its lines, or one of its updates. */
export type EventRef = {
  metric: Exclude<Metric, 'profile'>
  /** The line of an ordered product, the id of an update, else empty. */
  ref: string
  unique_id: string
  backfill: boolean
}

export type Event = {
  /** As Klaviyo shows it. */
  metric: string
  uniqueId: string
  time: Date
  value: number
  currency: string
  backfill: boolean
  profile: Profile
  properties: Properties
}

export type MetricNames = Record<Exclude<Metric, 'profile'>, string>

export type Mapped = { event: Event; warnings: string[] } | { unsendable: string }

const kindOf = {
  fulfilled_order: 'fulfilled',
  cancelled_order: 'cancelled',
  refunded_order: 'refunded',
} as const

/** Pure: the same record and moment always make the same event. The buyer is {@link toBuyer} of the order. */
export function toEvent(
  moment: EventRef,
  order: OrderRecord,
  buyer: ProfileResult | null,
  names: MetricNames,
): Mapped {
  if (!order.customer) return { unsendable: 'the order has no customer' }
  if (!buyer) return { unsendable: 'the customer has no e-mail or telephone that Klaviyo accepts' }
  const told = buildFields(moment, order)
  if (!told) return { unsendable: 'what the message is about is gone from the order' }
  const whole = moment.metric !== 'ordered_product'
  const event = {
    metric: names[moment.metric],
    uniqueId: moment.unique_id,
    time: new Date(told.time),
    value: money(told.value, order.currency),
    currency: order.currency,
    backfill: moment.backfill,
    profile: whole ? buyer.profile : identifierOnly(buyer.profile),
    properties: told.properties,
  }
  return { event, warnings: buyer.warnings }
}

/** Found once for all events of an order: telephones take long to read. */
export function toBuyer(order: OrderRecord): ProfileResult | null {
  return order.customer && toProfile(order.customer, order)
}

type EventFields = { time: string; value: number; properties: Properties }

function buildFields(moment: EventRef, order: OrderRecord): EventFields | null {
  if (moment.metric === 'placed_order') return placed(order)
  if (moment.metric === 'ordered_product') {
    const item = order.items.find(({ line }) => String(line) === moment.ref)
    return item ? ordered(order, item) : null
  }
  const kind = kindOf[moment.metric]
  const update = order.updates.find(({ id, ...rest }) => rest.kind === kind && id === moment.ref)
  return update ? updated(order, update) : null
}

function placed(order: OrderRecord): EventFields {
  return {
    time: order.placed_at,
    value: order.total,
    properties: orderProperties(order, null),
  }
}

function ordered(order: OrderRecord, item: ItemRecord): EventFields {
  return {
    time: order.placed_at,
    value: item.row_total ?? 0,
    properties: productProperties(order, item),
  }
}

function updated(order: OrderRecord, update: UpdateRecord): EventFields {
  return {
    time: update.occurred_at,
    value: update.value,
    properties: orderProperties(order, update),
  }
}
