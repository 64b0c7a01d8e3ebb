/** Maps an order to an event, the same for every transport. */
import type { Metric } from '../../db/schema/outbox.ts'
import { orderProperties, type Properties, productProperties } from './event-properties.ts'
import { money } from './money.ts'
import {
  identifierOnly,
  type Profile,
  type ProfileResult,
  toProfile,
  type Unreachable,
} from './profile.ts'
import type { ItemRecord, OrderRecord, UpdateRecord } from './records.ts'

/** What the event is about: the order itself, one of its lines, or one of its updates. */
export type EventRef = {
  metric: Exclude<Metric, 'profile'>
  /** The line of an ordered product, the id of an update, otherwise empty. */
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

export type Mapped =
  | { event: Event; warnings: string[] }
  | { unsendable: string; warnings: string[] }

const kindOf = {
  fulfilled_order: 'fulfilled',
  cancelled_order: 'cancelled',
  refunded_order: 'refunded',
} as const

/** Pure: the same arguments always make the same event. The buyer is {@link toBuyer} of the order. */
export function toEvent(
  about: EventRef,
  order: OrderRecord,
  buyer: ProfileResult | Unreachable,
  names: MetricNames,
): Mapped {
  const said = about.metric === 'placed_order' ? order.warnings : []
  const warnings = [...new Set([...said, ...buyer.warnings])]
  if (!order.customer) return { unsendable: 'the order has no customer', warnings }
  if (!buyer.profile)
    return {
      unsendable: 'the customer has no email or phone number that Klaviyo accepts',
      warnings,
    }
  const fields = buildFields(about, order)
  if (!fields) return { unsendable: 'the order no longer has what the message is about', warnings }
  const whole = about.metric !== 'ordered_product'
  const event = {
    metric: names[about.metric],
    uniqueId: about.unique_id,
    time: new Date(fields.time),
    value: money(fields.value, order.currency),
    currency: order.currency,
    backfill: about.backfill,
    profile: whole ? buyer.profile : identifierOnly(buyer.profile),
    properties: fields.properties,
  }
  return { event, warnings }
}

/** Mapped once for all events of an order: parsing phone numbers is slow. */
export function toBuyer(order: OrderRecord): ProfileResult | Unreachable {
  return order.customer ? toProfile(order.customer, order) : { profile: null, warnings: [] }
}

type EventFields = { time: string; value: number; properties: Properties }

function buildFields(about: EventRef, order: OrderRecord): EventFields | null {
  if (about.metric === 'placed_order') return placed(order)
  if (about.metric === 'ordered_product') {
    const item = order.items.find(({ line }) => String(line) === about.ref)
    return item ? ordered(order, item) : null
  }
  const kind = kindOf[about.metric]
  const update = order.updates.find(({ id, ...rest }) => rest.kind === kind && id === about.ref)
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
