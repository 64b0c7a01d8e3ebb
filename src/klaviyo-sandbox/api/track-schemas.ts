/** In charge of the shapes of the Track and Identify payloads, Klaviyo's API until 2024. */
import { z } from 'zod'
import { isJsonObject, type JsonObject } from './json-object.ts'
import { LIMITS } from './limits.ts'

const DAY_MS = 86_400_000

const token = z.string().min(1, 'token is required: the public API key')
const jsonObject = z.custom<JsonObject>(isJsonObject, 'Must be an object.')

/** `$event_id` is a text or a number; `$value` must be a number to count as revenue. */
export const trackPayload = z.object({
  token,
  event: z.string().min(1).max(LIMITS.metricCharacters),
  customer_properties: jsonObject,
  properties: z
    .looseObject({
      $event_id: z.union([z.string().min(1), z.number()]).optional(),
      $value: z.number().optional(),
    })
    .default({}),
  time: z
    .number('Must be a UNIX timestamp in seconds.')
    .min(0)
    .refine((seconds) => seconds * 1_000 <= Date.now() + LIMITS.daysAhead * DAY_MS, {
      error: 'Must be at most one year in the future: seconds, not milliseconds.',
    })
    .optional(),
})

export const identifyPayload = z.object({ token, properties: jsonObject })

export type TrackPayload = z.infer<typeof trackPayload>
