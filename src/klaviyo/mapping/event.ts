/** Maps an order to an event, the same for every transport. */
import type { Metric } from '../../db/schema/outbox.ts'
import { type Warning, withoutRepeats } from '../../lib/warning.ts'
import {
  adjustmentProperties,
  orderProperties,
  type Properties,
  productProperties,
  returnProperties,
} from './event-properties.ts'
import { money, sumOf } from './money.ts'
import {
  identifierOnly,
  type Profile,
  type ProfileResult,
  toProfile,
  type Unreachable,
  unknownStore,
} from './profile.ts'
import type { AmendmentRecord, ItemRecord, OrderRecord, UpdateRecord } from './records.ts'

/** What the event is about: the order itself, one of its lines, or one of its updates. */
export type EventRef = {
  metric: Exclude<Metric, 'profile'>
  /** The line of an ordered product, the id of an update, the number of an amendment, the order returned from, otherwise empty. */
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
  | { event: Event; warnings: Warning[] }
  | { unsendable: string; warnings: Warning[] }

/** Their messages tell what was left out of what the order says of its customer. */
const firstEvents: readonly Metric[] = ['placed_order', 'returned_order']

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
  const said = firstEvents.includes(about.metric) ? order.warnings : []
  const warnings = withoutRepeats(said, buyer.warnings)
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
    time: toTime(fields.time),
    value: money(fields.value, order.currency),
    currency: order.currency,
    backfill: about.backfill,
    profile: whole ? buyer.profile : identifierOnly(buyer.profile),
    properties: fields.properties,
  }
  return { event, warnings: withoutRepeats(fields.warnings, warnings) }
}

/** Postgres also knows times that are no dates elsewhere: infinity, and years before 1 and after 9999. */
function toTime(text: string): Date {
  const time = new Date(text)
  if (Number.isNaN(time.getTime())) throw new Error(`"${text}" is no time that Klaviyo takes`)
  return time
}

export function toBuyer(order: OrderRecord): ProfileResult | Unreachable {
  return order.customer ? toProfile(order.customer, order) : { profile: null, warnings: [] }
}

type EventFields = {
  time: string
  value: number
  properties: Properties
  warnings: Warning[]
}

/** `full` has all lines of the order, returned ones too; all events but those of a return are about what was sold. */
function buildFields({ metric, ref }: EventRef, full: OrderRecord): EventFields | null {
  const order = { ...full, items: full.items.filter(({ quantity }) => quantity > 0) }
  if (metric === 'placed_order') return placed(order)
  if (metric === 'ordered_product') {
    const item = order.items.find(({ line }) => String(line) === ref)
    return item ? ordered(order, item) : null
  }
  if (metric === 'returned_order') return returned(full, ref)
  if (metric === 'adjusted_order') {
    const change = order.amendments.find(({ number }) => String(number) === ref)
    return change ? adjusted(order, change) : null
  }
  const kind = kindOf[metric]
  const update = order.updates.find(({ id, ...rest }) => rest.kind === kind && id === ref)
  return update ? updated(order, update) : null
}

/** Klaviyo adds up positive values: where more was returned than sold, nothing was earned. */
function placed(order: OrderRecord): EventFields {
  return {
    time: order.placed_at,
    value: Math.max(0, order.total),
    properties: orderProperties(order, null),
    warnings: [...unknownStore(order.store), ...unknownProducts(order, order.items)],
  }
}

function ordered(order: OrderRecord, item: ItemRecord): EventFields {
  const priced = item.item_price === null ? null : item.item_price * item.quantity
  const value = item.row_total ?? priced
  return {
    time: order.placed_at,
    value: value ?? 0,
    properties: productProperties(order, item),
    warnings: [
      ...unknownStore(order.store),
      ...unknownProducts(order, [item]),
      ...(value === null ? [unknownValue(`items.${item.line}.row_total`)] : []),
    ],
  }
}

function returned(order: OrderRecord, returnedOrderId: string): EventFields | null {
  const items = order.items
    .filter((item) => item.quantity < 0 && (item.returned_order_id ?? '') === returnedOrderId)
    .map((item) => ({
      ...item,
      quantity: -item.quantity,
      row_total: item.row_total && Math.abs(item.row_total),
    }))
  if (items.length === 0) return null
  const unpriced = items.find(({ row_total }) => row_total === null)
  return {
    time: order.placed_at,
    value: sumOf(items.map(({ row_total }) => row_total ?? 0)),
    properties: returnProperties({ ...order, items }, returnedOrderId),
    warnings: [
      ...unknownStore(order.store),
      ...unknownProducts(order, items),
      ...(unpriced ? [unknownValue(`items.${unpriced.line}.row_total`)] : []),
    ],
  }
}

function adjusted(order: OrderRecord, change: AmendmentRecord): EventFields {
  const items = change.items.filter(({ quantity }) => quantity > 0)
  const amended = { ...order, discount_value: change.discount_value, items }
  return {
    time: change.occurred_at,
    value: change.difference,
    properties: adjustmentProperties(amended, change),
    warnings: [...unknownStore(order.store), ...unknownProducts(order, items)],
  }
}

function updated(order: OrderRecord, update: UpdateRecord): EventFields {
  return {
    time: update.occurred_at,
    value: update.value ?? 0,
    properties: orderProperties(order, update),
    warnings: [
      ...unknownStore(order.store),
      ...unknownProducts(order, order.items),
      ...(update.value === null ? [unknownValue('value')] : []),
      ...exceeded(order, update),
    ],
  }
}

function exceeded({ currency }: OrderRecord, { value, excess }: UpdateRecord): Warning[] {
  if (value === null || excess === null) return []
  const detail = `${money(value, currency)} ${currency} exceeds what was left by ${money(excess, currency)}`
  return [{ code: 'exceeds_order', field: 'value', detail }]
}

const unknownValue = (field: string): Warning => ({
  code: 'unknown_value',
  field,
  detail: 'sent with the value 0: neither the order nor the product has a price',
})

const maxProductWarnings = 20

function unknownProducts(order: OrderRecord, items: ItemRecord[]): Warning[] {
  const unknown = items.filter(
    ({ product_id }) => product_id !== null && order.unknown_products.includes(product_id),
  )
  return unknown.slice(0, maxProductWarnings).map(({ line, product_id }) => ({
    code: 'unknown_product',
    field: `items.${line}.product_id`,
    detail: `unknown product "${product_id}": sent with what the order tells of it`,
  }))
}
