/** What an order and its updates are: the schemas of what comes in. */
import { z } from 'zod'
import { currencyCode } from '../config.ts'
import { customerInput } from '../customers/customer-input.ts'
import { addressKeys, orderKeys, type UpdateKind } from '../db/schema/orders.ts'
import {
  categories,
  decimal,
  eventTime,
  id,
  metadata,
  money,
  optional,
  signedMoney,
  text,
  url,
} from '../lib/fields.ts'

const maxQuantity = 9_999_999
const quantity = decimal(0, maxQuantity).refine((value) => value > 0, 'must be more than zero')
const signedQuantity = decimal(-maxQuantity, maxQuantity)
  .refine((value) => value !== 0, 'must not be zero')
  .meta({ description: 'Below zero: a returned line' })

const line = z.int().min(1).max(1_000_000)

const maxItems = 4_000

const addressShape = Object.fromEntries(addressKeys.map((key) => [key, optional(text(255))]))
const address = z.strictObject(addressShape).meta({ id: 'Address' })

const itemFields = {
  line: optional(line).meta({ description: 'Its position among the items, when left out' }),
  product_id: optional(id).meta({ description: 'Left out for an amount without a product' }),
  sku: optional(text(255)),
  product_name: optional(text(1000)),
  quantity: optional(signedQuantity),
  item_price: optional(money),
  row_total: optional(signedMoney),
  returned_order_id: optional(id).meta({
    description: 'Of a returned line: the order in which it was bought',
  }),
  brand: optional(text(255)),
  categories: optional(categories),
  image_link: optional(url),
}

const itemInput = z.strictObject(itemFields).superRefine((item, context) => {
  const wrong = (field: keyof typeof itemFields, message: string) =>
    context.addIssue({ code: 'custom', path: [field], message })
  const isReturn = (item.quantity ?? 1) < 0
  if (!isReturn && (item.row_total ?? 0) < 0)
    wrong('row_total', `must be at least 0 where quantity is, got ${item.row_total}`)
  if (!isReturn && item.returned_order_id != null)
    wrong('returned_order_id', 'is only for a returned line, which has a quantity below zero')
  const named = [item.product_id, item.product_name, item.sku, item.item_price, item.row_total]
  if (named.every((value) => value == null))
    wrong('product_id', 'is missing, and neither product_name nor item_price tells what was sold')
})

const eachLineOnce = (items: { line?: number | null | undefined }[]) =>
  new Set(items.map((item, index) => item.line ?? index + 1)).size === items.length

export const orderInput = z
  .strictObject({
    id,
    placed_at: optional(eventTime).meta({ description: 'Now, when left out' }),
    store_id: optional(id),
    currency: optional(currencyCode).meta({ description: 'The setting CURRENCY, when left out' }),
    total: signedMoney.meta({
      description: 'What was paid; below zero where more was returned than sold',
    }),
    customer: optional(customerInput),
    billing_address: optional(address),
    shipping_address: optional(address),
    discount_code: optional(text(255)),
    discount_value: optional(money),
    metadata: optional(metadata(orderKeys)),
    items: optional(z.array(itemInput).max(maxItems).refine(eachLineOnce, 'names a line twice')),
  })
  .meta({ id: 'OrderInput' })
export type OrderInput = z.infer<typeof orderInput>

const updateShape = {
  id: id.meta({ description: 'Your own: the same id again is the same update' }),
  occurred_at: optional(eventTime).meta({ description: 'Now, when left out' }),
  reason: optional(text(1000)),
  value: optional(money).meta({
    description:
      'What is left of the lines named, or of the order, for this kind of update, when left out; at most that',
  }),
  items: z
    .array(z.strictObject({ line, quantity: optional(quantity) }))
    .min(1)
    .max(maxItems)
    .refine(eachLineOnce, 'names a line twice')
    .nullable()
    .optional()
    .meta({ description: 'The lines it concerns; the whole order, when left out' }),
}

/** By kind: only a shipment can be tracked. */
export const updateInputs = {
  fulfilled: z
    .strictObject({
      ...updateShape,
      tracking_number: optional(text(255)),
      tracking_company: optional(text(255)),
      shipping_method: optional(text(255)),
    })
    .meta({ id: 'FulfillmentInput' }),
  cancelled: z.strictObject(updateShape).meta({ id: 'CancellationInput' }),
  refunded: z.strictObject(updateShape).meta({ id: 'RefundInput' }),
} satisfies Record<UpdateKind, z.ZodType>
export type UpdateInput = z.infer<(typeof updateInputs)['fulfilled']>
