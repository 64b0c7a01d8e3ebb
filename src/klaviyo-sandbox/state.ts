/** What one sandbox holds: the account, its settings and its injected faults. */
import { z } from 'zod'
import { type Account, createAccount } from './account/account.ts'
import {
  createFaultInjector,
  type FaultInjector,
  type FaultsInput,
} from './faults/fault-injector.ts'

const SCOPES = ['accounts:read', 'events:write', 'metrics:read', 'profiles:write'] as const

export type Scope = (typeof SCOPES)[number]

export const settingsBody = z.strictObject({
  /** The only private key that is accepted; null accepts any. */
  key: z.string().min(1).nullable().default(null),
  /** What the key may do; anything else is answered with 403. */
  scopes: z.array(z.enum(SCOPES)).default([...SCOPES]),
  /** Whether Klaviyo's rate limits apply. */
  limits: z.boolean().default(true),
  /** Whether Track and Identify answer 410, as they do since 2024. */
  track_retired: z.boolean().default(false),
  /** Sent as X-Klaviyo-Api-Retirement-Date. */
  retirement_date: z.iso.date().nullable().default(null),
  /** Where storefeed is: the page leads from each event to its message there. */
  console_url: z
    .url({ protocol: /^https?$/ })
    .nullable()
    .default(null),
})

type Settings = z.infer<typeof settingsBody>
type SettingsInput = z.input<typeof settingsBody>

export type SandboxState = { account: Account; settings: Settings; faultInjector: FaultInjector }

export type SandboxOptions = { settings?: SettingsInput; faults?: FaultsInput }

export function createState(options: SandboxOptions): SandboxState {
  return {
    account: createAccount(),
    settings: settingsBody.parse(options.settings ?? {}),
    faultInjector: createFaultInjector(options.faults),
  }
}
