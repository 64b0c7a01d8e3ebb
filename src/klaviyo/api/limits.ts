/** Klaviyo's limits, each stated once, as in its API reference of revision 2026-07-15. */

/** At most `max` requests in any `ms` milliseconds, per account. */
export type Window = { max: number; ms: number }

/** Requests, by endpoint. */
export const rateLimits = {
  event: [
    { max: 350, ms: 1_000 },
    { max: 3_500, ms: 60_000 },
  ],
  bulk: [
    { max: 10, ms: 1_000 },
    { max: 150, ms: 60_000 },
  ],
  profile: [
    { max: 75, ms: 1_000 },
    { max: 750, ms: 60_000 },
  ],
} as const satisfies Record<string, Window[]>

/** Sizes in bytes of UTF-8, texts in characters. */
export const limits = {
  bulkEvents: 1_000,
  requestBytes: 5_000_000,
  profileBytes: 95_000,
  properties: 400,
  textBytes: 100_000,
  listItems: 4_000,
  email: 100,
} as const

/** Klaviyo accepts these addresses with a 202 and then silently drops them. */
export const droppedEmailDomains: readonly string[] = ['example.com', 'test.com']
