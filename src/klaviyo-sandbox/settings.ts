/** In charge of how the account is set up: its key, its scopes, its limits, and which of its APIs are retired. */
import { z } from 'zod'

const SCOPES = ['accounts:read', 'events:write', 'metrics:read', 'profiles:write'] as const

export type Scope = (typeof SCOPES)[number]

export const settingsBody = z.strictObject({
  /** The one private key that is let in; null lets any key in. */
  key: z.string().min(1).nullable().default(null),
  /** What the key may do; anything else is answered with 403. */
  scopes: z.array(z.enum(SCOPES)).default([...SCOPES]),
  /** Whether Klaviyo's rate limits hold. */
  limits: z.boolean().default(true),
  /** Whether Track and Identify answer 410, as they do since 2024. */
  track_retired: z.boolean().default(false),
  /** Sent as X-Klaviyo-Api-Retirement-Date. */
  retirement_date: z.iso.date().nullable().default(null),
})

export type Settings = z.infer<typeof settingsBody>
export type SettingsInput = z.input<typeof settingsBody>
