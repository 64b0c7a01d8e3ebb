/** What the API says of an order and of what happened to it. */
import { z } from 'zod'
import { instant, metadataRecord } from '../lib/fields.ts'
import { warningRecord } from '../lib/warning.ts'

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

const amendmentRecord = z
  .strictObject({
    number: z.int(),
    occurred_at: instant,
    previous_total: z.number(),
    total: z.number(),
    previous_items: z.int().meta({ description: 'How many lines it had' }),
    items: z.int().meta({ description: 'How many lines it had then' }),
  })
  .meta({ id: 'OrderAmendment' })

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
    warnings: z.array(warningRecord).meta({
      description: 'What was left out of what the order says of its customer',
    }),
    erased_at: instant.nullable().meta({ description: 'When its customer was erased' }),
    created_at: instant,
    updated_at: instant,
    items: z.array(
      z.strictObject({
        line: z.int(),
        product_id: z.string().nullable(),
        sku: z.string().nullable(),
        product_name: z.string().nullable(),
        quantity: z.number(),
        item_price: z.number().nullable(),
        row_total: z.number().nullable(),
        returned_order_id: z.string().nullable(),
        brand: z.string().nullable(),
        categories: z.array(z.string()).nullable(),
        image_link: z.string().nullable(),
      }),
    ),
    updates: z.array(updateRecord),
    amendments: z.array(amendmentRecord).meta({
      description: 'Changes after it was recorded, oldest first; at most the newest 100',
    }),
  })
  .meta({ id: 'Order' })
export type Order = z.infer<typeof orderRecord>

export const orderPage = z
  .strictObject({ orders: z.array(orderRecord), next_cursor: z.string().nullable() })
  .meta({ id: 'OrderPage' })
