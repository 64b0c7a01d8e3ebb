/** The request bodies that Klaviyo's API accepts. */
import { z } from 'zod'
import { isJsonObject, type JsonObject } from './json.ts'
import { LIMITS } from './limits.ts'

export const DAY_MS = 86_400_000
const FIRST_TIME_MS = Date.UTC(1991, 0, 1)
const ISO_8601 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?(Z|[+-]\d\d:\d\d)$/

const text = z.string().nullish()

export const jsonObject = z.custom<JsonObject>(isJsonObject, 'Must be an object.')

const properties = jsonObject.check((context) => {
  const error = findPropertiesError(context.value)
  if (error) context.issues.push({ code: 'custom', input: context.value, ...error })
})

const time = z
  .string()
  .regex(ISO_8601, 'Must be ISO 8601 with an offset and at most 3 decimals.')
  .refine((value) => {
    const at = Date.parse(value)
    return at >= FIRST_TIME_MS && at <= Date.now() + LIMITS.daysAhead * DAY_MS
  }, 'Must be a date after the year 1990 and at most one year in the future.')

const email = z.email('Invalid email address').max(LIMITS.emailCharacters, 'Invalid email address')

const phoneNumber = z
  .string()
  .regex(
    /^\+[1-9]\d{6,14}$/,
    'Invalid phone number format (Example of a valid format: +12345678901)',
  )

const location = z.strictObject({
  address1: text,
  address2: text,
  city: text,
  country: text,
  latitude: z.union([z.string(), z.number()]).nullish(),
  longitude: z.union([z.string(), z.number()]).nullish(),
  region: text,
  zip: text,
  timezone: text,
  ip: text,
})

const meta = z.strictObject({
  patch_properties: z
    .strictObject({
      append: jsonObject.nullish(),
      unappend: jsonObject.nullish(),
      unset: z.union([z.string(), z.array(z.string())]).nullish(),
    })
    .nullish(),
  /** Accepted, but not applied. */
  patch_identifiers: z
    .strictObject({ append: jsonObject.nullish(), unappend: jsonObject.nullish() })
    .nullish(),
})

const profileAttributes = {
  email: email.nullish(),
  phone_number: phoneNumber.nullish(),
  external_id: text,
  _kx: text,
  first_name: text,
  last_name: text,
  organization: text,
  locale: text,
  title: text,
  image: text,
  location: location.nullish(),
  properties: properties.nullish(),
}

/** Klaviyo's endpoints differ in where `meta` goes: beside the attributes, or among them. */
const profile = z.strictObject({
  type: z.literal('profile'),
  id: text,
  attributes: z.strictObject({ ...profileAttributes, anonymous_id: text, meta: meta.nullish() }),
  meta: meta.nullish(),
})

const eventProfile = z.strictObject({
  data: profile.refine(
    (value) => Buffer.byteLength(JSON.stringify(value)) <= LIMITS.profileBytes,
    `The profile of an event must not exceed ${LIMITS.profileBytes} bytes.`,
  ),
})

const metric = z.strictObject({
  data: z.strictObject({
    type: z.literal('metric'),
    attributes: z.strictObject({
      name: z.string().min(1).max(LIMITS.metricCharacters),
      service: text,
    }),
  }),
})

const eventAttributes = {
  properties,
  time: time.nullish(),
  value: z.number().nullish(),
  value_currency: z
    .string()
    .regex(/^[A-Z]{3}$/, 'Must be an ISO 4217 currency code.')
    .nullish(),
  unique_id: z.string().min(1).max(LIMITS.uniqueIdCharacters).nullish(),
  backfill: z.boolean().nullish(),
  metric,
}

export const eventBody = z.strictObject({
  data: z.strictObject({
    type: z.literal('event'),
    attributes: z.strictObject({ ...eventAttributes, profile: eventProfile }),
  }),
})

const bulkItem = z.strictObject({
  type: z.literal('event-bulk-create'),
  attributes: z.strictObject({
    backfill: z.boolean().nullish(),
    profile: eventProfile,
    events: z.strictObject({
      data: z
        .array(
          z.strictObject({
            type: z.literal('event'),
            attributes: z.strictObject(eventAttributes),
          }),
        )
        .min(1),
    }),
  }),
})

export const bulkBody = z.strictObject({
  data: z.strictObject({
    type: z.literal('event-bulk-create-job'),
    attributes: z.strictObject({
      'events-bulk-create': z.strictObject({ data: z.array(bulkItem).min(1) }),
    }),
  }),
})

export const profileImportBody = z.strictObject({
  data: profile.extend({ attributes: z.strictObject(profileAttributes) }),
})

export type ProfileData = z.infer<typeof profile>
export type EventAttributes = z.infer<typeof eventBody>['data']['attributes']
export type BulkItem = z.infer<typeof bulkItem>

type PropertiesError = { path: (string | number)[]; message: string }

/** The first property that exceeds one of Klaviyo's limits of size and depth, or null. */
function findPropertiesError(object: JsonObject): PropertiesError | null {
  const count = Object.keys(object).length
  if (count > LIMITS.properties)
    return errorHere(`Must not exceed ${LIMITS.properties} properties, has ${count}.`)
  return checkValue(object, 1)
}

function checkValue(value: unknown, level: number): PropertiesError | null {
  if (typeof value === 'string') return checkText(value)
  if (typeof value !== 'object' || value === null) return null
  if (level > LIMITS.levels)
    return errorHere(`Must not be nested deeper than ${LIMITS.levels} levels.`)
  if (Array.isArray(value)) return checkArray(value, level)
  return isJsonObject(value) ? checkEntries(Object.entries(value), level) : null
}

function checkText(value: string): PropertiesError | null {
  const mayBeTooLong = value.length * 3 > LIMITS.stringBytes
  if (!mayBeTooLong || Buffer.byteLength(value) <= LIMITS.stringBytes) return null
  return errorHere(`A string must not exceed ${LIMITS.stringBytes} bytes.`)
}

function checkArray(array: unknown[], level: number): PropertiesError | null {
  if (array.length > LIMITS.arrayItems)
    return errorHere(`A list must not exceed ${LIMITS.arrayItems} items.`)
  return checkEntries([...array.entries()], level)
}

function checkEntries(entries: [string | number, unknown][], level: number) {
  for (const [key, value] of entries) {
    const error = checkValue(value, level + 1)
    if (error) return { ...error, path: [key, ...error.path] }
  }
  return null
}

function errorHere(message: string): PropertiesError {
  return { path: [], message }
}
