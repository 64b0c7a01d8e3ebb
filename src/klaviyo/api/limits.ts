/** In charge of Klaviyo's limits: each stands here once, as its API reference of revision 2026-07-15 states it. */

/** At most `max` requests in any `ms` milliseconds, an account. */
export type Window = { max: number; ms: number }

export type Endpoint = keyof typeof endpoints

const eventWindows = [
  { max: 350, ms: 1_000 },
  { max: 3_500, ms: 60_000 },
]
const profileWindows = [
  { max: 75, ms: 1_000 },
  { max: 750, ms: 60_000 },
]

/** Track and Identify never published theirs: they get those of what came after them. */
export const endpoints = {
  event: { path: '/api/events', windows: eventWindows },
  bulk: {
    path: '/api/event-bulk-create-jobs',
    windows: [
      { max: 10, ms: 1_000 },
      { max: 150, ms: 60_000 },
    ],
  },
  profile: { path: '/api/profile-import', windows: profileWindows },
  track: { path: '/api/track', windows: eventWindows },
  identify: { path: '/api/identify', windows: profileWindows },
} as const satisfies Record<string, { path: string; windows: Window[] }>

/** Sizes in bytes of UTF-8, texts in characters. */
export const limits = {
  bulkEvents: 1_000,
  requestBytes: 5_000_000,
  profileBytes: 95_000,
  properties: 400,
  textBytes: 100_000,
  listItems: 4_000,
  email: 100,
  uniqueId: 255,
} as const

/** Addresses Klaviyo accepts with a 202 and then drops without a word. */
export const droppedEmailDomains: readonly string[] = ['example.com', 'test.com']
