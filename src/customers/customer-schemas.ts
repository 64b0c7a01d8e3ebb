/** What the API says of customers and their visits. */
import { z } from 'zod'
import { instant, metadataRecord } from '../lib/fields.ts'
import { warningRecord } from '../lib/warning.ts'

export const customerRecord = z
  .strictObject({
    id: z.string(),
    email: z.string().nullable(),
    phone_number: z.string().nullable(),
    first_name: z.string().nullable(),
    last_name: z.string().nullable(),
    address1: z.string().nullable(),
    address2: z.string().nullable(),
    city: z.string().nullable(),
    region: z.string().nullable(),
    zip: z.string().nullable(),
    country: z.string().nullable(),
    metadata: metadataRecord,
    most_recent_store_id: z.string().nullable(),
    most_recent_store_at: instant.nullable(),
    known_at: instant.meta({ description: 'When the newest thing known of the customer was true' }),
    warnings: z.array(warningRecord).meta({
      description: 'What the last write left out, or gave in a form that Klaviyo would reject',
    }),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: 'Customer' })
export type Customer = z.infer<typeof customerRecord>

export const maxFound = 100

export const customersFound = z
  .strictObject({
    customers: z.array(customerRecord).meta({ description: `At most ${maxFound}` }),
  })
  .meta({ id: 'CustomersFound' })

const visitShape = {
  id: z.int(),
  customer_id: z.string(),
  store_id: z.string(),
  at: instant,
  created_at: instant,
}
const listedVisit = z.strictObject(visitShape).meta({ id: 'ListedVisit' })
export type ListedVisit = z.infer<typeof listedVisit>

export const visitRecord = z
  .strictObject({
    ...visitShape,
    warnings: z.array(warningRecord).meta({
      description: 'What was left out of what the visit says of its customer',
    }),
  })
  .meta({ id: 'Visit' })
export type Visit = z.infer<typeof visitRecord>

export const visitPage = z
  .strictObject({ visits: z.array(listedVisit), next_cursor: z.string().nullable() })
  .meta({ id: 'VisitPage' })
