/** In charge of Klaviyo's limits: every number the sandbox holds a client to, in one table. */

/** Klaviyo's pages say KB and MB; the strict reading is taken, 1 KB = 1,000 bytes. */
export const LIMITS = {
  eventBytes: 5_000_000,
  bulkBytes: 5_000_000,
  bulkEvents: 1_000,
  profileImportBytes: 100_000,
  profileBytes: 95_000,
  properties: 400,
  stringBytes: 100_000,
  arrayItems: 4_000,
  levels: 10,
  uniqueIdCharacters: 255,
  emailCharacters: 100,
  metricCharacters: 127,
  daysAhead: 365,
  feedBytes: 100_000_000,
  feedBytesAdvised: 50_000_000,
  feedMsAdvised: 5_000,
  catalogItems: 250_000,
  catalogCategories: 2_500,
} as const

export type Rate = { burst: number; steady: number }

/** Requests an account may make: `burst` in a second, `steady` in a minute, each endpoint on its own. */
export const RATES = {
  events: { burst: 350, steady: 3_500 },
  bulk: { burst: 10, steady: 150 },
  profileImport: { burst: 75, steady: 750 },
} as const satisfies Record<string, Rate>

export type Endpoint = keyof typeof RATES
