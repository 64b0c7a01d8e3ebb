/** What a customer is: the schemas of what comes in. */
import { z } from 'zod'
import { customerKeys } from '../db/schema/customers.ts'
import { id, metadata, metadataPatch, optional, text } from '../lib/fields.ts'
import { said } from './said.ts'

/** Any text is accepted as e-mail and telephone: what Klaviyo would reject is left out when sending, so that no order fails over it. */
export const customerFields = {
  email: optional(text(320)),
  phone_number: optional(text(64)),
  first_name: optional(text(255)),
  last_name: optional(text(255)),
  address1: optional(text(255)),
  address2: optional(text(255)),
  city: optional(text(255)),
  region: optional(text(255)),
  zip: optional(text(32)),
  country: optional(text(255)),
  metadata: optional(metadata(customerKeys)),
}

/** A whole customer, for `PUT`: fields left out are emptied. */
export const customerReplacement = z
  .strictObject(customerFields)
  .meta({ id: 'CustomerReplacement' })
export type CustomerReplacement = z.infer<typeof customerReplacement>

/** For `PATCH`: fields left out stay, null empties, also a key of metadata. */
export const customerPatch = z
  .strictObject({ ...customerFields, metadata: optional(metadataPatch(customerKeys)) })
  .meta({ id: 'CustomerPatch' })
export type CustomerPatch = z.infer<typeof customerPatch>

/** A customer as an order or a visit names it: what is left out, null, blank or n/a stays as it is. */
export const customerInput = z
  .strictObject({ id: id.optional(), ...customerFields })
  .refine(
    (input) => [input.id, input.email, input.phone_number].some(said),
    'needs an id, an email or a phone_number',
  )
  .meta({ id: 'CustomerInput' })
export type CustomerInput = z.infer<typeof customerInput>
