/** What an order and its updates are: the schemas of what comes in and of what is answered. */
import { z } from 'zod'
import { currencyCode } from '../config.ts'
import { customerInput } from '../customers/customer-input.ts'
import { addressKeys, orderKeys, type UpdateKind } from '../db/schema/orders.ts'
import {
  categories,
  eventTime,
  id,
  instant,
  metadata,
  metadataRecord,
  money,
  optional,
  text,
  url,
} from '../lib/fields.ts'

const quantity = z
  .number()
  .positive('must be more than zero')
  .max(9_999_999)
  .refine((value) => Number(value.toFixed(4)) === value, 'may have at most four decimals')

const line = z.int().min(1).max(1_000_000)

const maxItems = 4_000

const addressShape = Object.fromEntries(addressKeys.map((key) => [key, optional(text(255))]))
const address = z.strictObject(addressShape).meta({ id: 'Address' })

const itemInput = z.strictObject({
  line: line.optional().meta({ description: 'Its position among the items, when left out' }),
  product_id: id,
  sku: optional(text(255)),
  product_name: optional(text(1000)),
  quantity: quantity.default(1),
  item_price: optional(money),
  row_total: optional(money),
  brand: optional(text(255)),
  categories: optional(categories),
  image_link: optional(url),
})

const eachLineOnce = (items: { line?: number | undefined }[]) =>
  new Set(items.map((item, index) => item.line ?? index + 1)).size === items.length

export const orderInput = z
  .strictObject({
    id,
    placed_at: eventTime.optional().meta({ description: 'Now, when left out' }),
    store_id: optional(id),
    currency: currencyCode.optional().meta({ description: 'The setting CURRENCY, when left out' }),
    total: money,
    customer: customerInput,
    billing_address: optional(address),
    shipping_address: optional(address),
    discount_code: optional(text(255)),
    discount_value: optional(money),
    metadata: optional(metadata(orderKeys)),
    items: z.array(itemInput).max(maxItems).default([]).refine(eachLineOnce, 'names a line twice'),
  })
  .meta({ id: 'OrderInput' })
export type OrderInput = z.infer<typeof orderInput>

const updateShape = {
  id: id.meta({ description: 'Your own: the same id again is the same update' }),
  occurred_at: eventTime.optional().meta({ description: 'Now, when left out' }),
  reason: optional(text(1000)),
  value: optional(money).meta({
    description: 'The order’s total, or the row totals of the lines named, when left out',
  }),
  items: z
    .array(z.strictObject({ line, quantity: quantity.optional() }))
    .min(1)
    .max(maxItems)
    .refine(eachLineOnce, 'names a line twice')
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

export const updateRecord = z
  .strictObject({
    id: z.string(),
    kind: z.string(),
    occurred_at: instant,
    reason: z.string().nullable(),
    value: z.number().nullable(),
    items: z.array(z.strictObject({ line: z.int(), quantity: z.number() })).nullable(),
    tracking_number: z.string().nullable(),
    tracking_company: z.string().nullable(),
    shipping_method: z.string().nullable(),
    created_at: instant,
  })
  .meta({ id: 'OrderUpdate' })
export type OrderUpdate = z.infer<typeof updateRecord>

const addressRecord = z.record(z.string(), z.string().nullable()).nullable()

export const orderRecord = z
  .strictObject({
    id: z.string(),
    customer_id: z.string().nullable(),
    store_id: z.string().nullable(),
    placed_at: instant,
    currency: z.string(),
    total: z.number(),
    billing_address: addressRecord,
    shipping_address: addressRecord,
    discount_code: z.string().nullable(),
    discount_value: z.number().nullable(),
    metadata: metadataRecord,
    warnings: z.array(z.string()).meta({
      description: 'What was left out of what the order says of its customer',
    }),
    erased_at: instant.nullable().meta({ description: 'When its customer was erased' }),
    created_at: instant,
    updated_at: instant,
    items: z.array(
      z.strictObject({
        line: z.int(),
        product_id: z.string(),
        sku: z.string().nullable(),
        product_name: z.string().nullable(),
        quantity: z.number(),
        item_price: z.number().nullable(),
        row_total: z.number().nullable(),
        brand: z.string().nullable(),
        categories: z.array(z.string()).nullable(),
        image_link: z.string().nullable(),
      }),
    ),
    updates: z.array(updateRecord),
  })
  .meta({ id: 'Order' })
export type Order = z.infer<typeof orderRecord>
