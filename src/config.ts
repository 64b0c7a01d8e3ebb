/** In charge of the settings: reads the environment once, checks all of it, and tells every fault at once. */
import { z } from 'zod'
import { AppError } from './lib/errors.ts'
import { errorMap } from './lib/validation.ts'

/** Klaviyo itself; anything else is a sandbox. */
export const klaviyoUrl = 'https://a.klaviyo.com'

const flag = z.stringbool({ truthy: ['true', '1', 'yes'], falsy: ['false', '0', 'no'] })

const postgresUrl = z.string().regex(/^postgres(ql)?:\/\//, 'must begin with postgres://')

/** ISO 4217 as this runtime knows it, so that the list is never ours to keep. */
export const currencyCode = z
  .string()
  .refine(
    (code) => Intl.supportedValuesOf('currency').includes(code),
    'must be an ISO 4217 currency code such as USD',
  )

/** How many decimals an amount has: 2 for USD, 0 for JPY, 3 for KWD. */
export function currencyDecimals(currency: string): number {
  return (
    new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions()
      .maximumFractionDigits ?? 2
  )
}

const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** `30s`, `30m`, `6h`, `1d`; in milliseconds. */
const duration = z.string().transform((text, context) => {
  const [, count, unit] = /^([1-9]\d{0,4})([smhd])$/.exec(text) ?? []
  if (unit === 's' || unit === 'm' || unit === 'h' || unit === 'd')
    return Number(count) * unitMs[unit]
  context.addIssue('must be a duration such as 30s, 30m, 6h or 1d')
  return z.NEVER
})

/** Klaviyo wants less than 128 characters. */
const metricName = (name: string) => z.string().trim().max(127).default(name)

const settings = z.object({
  PORT: z.coerce.number('must be a port number').int().min(0).max(65_535).optional(),
  HOST: z.string().default('0.0.0.0'),
  DATABASE_URL: postgresUrl.optional(),
  DATA_DIR: z.string().default('.storefeed'),
  API_KEY: z
    .string()
    .regex(/^[\x21-\x7e]{16,}$/, 'must have at least 16 characters, without spaces')
    .optional(),
  PUBLIC_URL: z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }).optional(),
  FEEDS_PUBLIC: flag.default(false),
  FEED_WAIT_MS: z.coerce
    .number('must be a number of milliseconds')
    .int()
    .min(0)
    .max(60_000)
    .default(3000),
  STOP_GRACE_MS: z.coerce
    .number('must be a number of milliseconds')
    .int()
    .min(0)
    .max(600_000)
    .default(5000),
  FEED_MAX_DROP: z.coerce.number('must be a share from 0 to 1').min(0).max(1).default(0.5),
  RATE_LIMIT: z.coerce.number('must be a number of requests').int().min(1).default(6000),
  KLAVIYO_API_KEY: z.string().trim().optional(),
  KLAVIYO_PUBLIC_KEY: z.string().trim().optional(),
  KLAVIYO_API: z.enum(['events', 'track'], 'must be events or track').default('events'),
  KLAVIYO_URL: z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
    .transform((url) => new URL(url).href.replace(/\/+$/, ''))
    .default(klaviyoUrl),
  KLAVIYO_RATE_SHARE: z.coerce
    .number('must be a share of Klaviyo’s limits, from 0.01 to 1')
    .min(0.01)
    .default(0.97),
  PUSH_EVERY: duration.optional(),
  BACKFILL_AFTER: duration.default(unitMs.d),
  RETENTION_DAYS: z.coerce.number('must be a number of days').int().min(1).max(36_500).default(90),
  METRIC_PLACED_ORDER: metricName('Placed Order'),
  METRIC_ORDERED_PRODUCT: metricName('Ordered Product'),
  METRIC_FULFILLED_ORDER: metricName('Fulfilled Order'),
  METRIC_CANCELLED_ORDER: metricName('Cancelled Order'),
  METRIC_REFUNDED_ORDER: metricName('Refunded Order'),
  CURRENCY: currencyCode.default('USD'),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
})

const checked = settings.refine(
  (env) => env.KLAVIYO_RATE_SHARE <= 1 || env.KLAVIYO_URL !== klaviyoUrl,
  { path: ['KLAVIYO_RATE_SHARE'], error: 'may be more than 1 against a sandbox only' },
)

export type KlaviyoConfig = {
  /** Private key; null when not set: nothing is sent by the Events API, messages wait. */
  apiKey: string | null
  /** For Track and Identify. */
  publicKey: string | null
  api: 'events' | 'track'
  /** Without a slash at its end. */
  url: string
  /** The part of Klaviyo's limits that storefeed may use. */
  rateShare: number
  /** Null: in real time. */
  pushEveryMs: number | null
  /** An event that is older when it is written is history and triggers no flow. */
  backfillAfterMs: number
  /** What was sent is forgotten after this; that it was sent is not. */
  retentionDays: number
  /** As Klaviyo shows them. */
  metricNames: Record<
    'placed_order' | 'ordered_product' | 'fulfilled_order' | 'cancelled_order' | 'refunded_order',
    string
  >
}

export type Config = {
  klaviyo: KlaviyoConfig
  /** Null when not set: 3000, or for the demo any free port when 3000 is taken. */
  port: number | null
  host: string
  /** Null when not set: an embedded Postgres in `dataDir`. */
  databaseUrl: string | null
  dataDir: string
  apiKey: string | null
  /** Without a slash at its end. Null when not set: the address the server listens on. */
  publicUrl: string | null
  feedsPublic: boolean
  /** How long SIGTERM leaves a server that says it is not ready at work, so that balancers notice. */
  stopGraceMs: number
  /** How long a poll waits for a feed that holds every write, before it gets the last good one. */
  feedWaitMs: number
  /** The share of its items that a feed may lose at once before it is held back; 1 lets everything through. */
  feedMaxDrop: number
  /** Requests a minute with one key, and from one address without a good one. */
  rateLimit: number
  currency: string
  logLevel: z.infer<typeof settings>['LOG_LEVEL']
}

/** Throws a {@link AppError} that names every faulty variable. An empty variable counts as not set. */
export function readConfig(environment: Record<string, string | undefined>): Config {
  const given = Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) =>
      value?.trim() ? [[name, value.trim()]] : [],
    ),
  )
  const read = checked.safeParse(given, { error: errorMap })
  if (!read.success) {
    const faults = read.error.issues.map((issue) => ({
      field: issue.path.join('.'),
      detail: issue.message,
    }))
    throw new AppError('invalid', 'Settings in the environment need mending:', faults)
  }
  const env = read.data
  return {
    port: env.PORT ?? null,
    host: env.HOST,
    databaseUrl: env.DATABASE_URL ?? null,
    dataDir: env.DATA_DIR,
    apiKey: env.API_KEY ?? null,
    publicUrl: env.PUBLIC_URL?.replace(/\/+$/, '') ?? null,
    feedsPublic: env.FEEDS_PUBLIC,
    stopGraceMs: env.STOP_GRACE_MS,
    feedWaitMs: env.FEED_WAIT_MS,
    feedMaxDrop: env.FEED_MAX_DROP,
    rateLimit: env.RATE_LIMIT,
    klaviyo: readKlaviyo(env),
    currency: env.CURRENCY,
    logLevel: env.LOG_LEVEL,
  }
}

function readKlaviyo(env: z.infer<typeof settings>): KlaviyoConfig {
  return {
    apiKey: env.KLAVIYO_API_KEY ?? null,
    publicKey: env.KLAVIYO_PUBLIC_KEY ?? null,
    api: env.KLAVIYO_API,
    url: env.KLAVIYO_URL,
    rateShare: env.KLAVIYO_RATE_SHARE,
    pushEveryMs: env.PUSH_EVERY ?? null,
    backfillAfterMs: env.BACKFILL_AFTER,
    retentionDays: env.RETENTION_DAYS,
    metricNames: {
      placed_order: env.METRIC_PLACED_ORDER,
      ordered_product: env.METRIC_ORDERED_PRODUCT,
      fulfilled_order: env.METRIC_FULFILLED_ORDER,
      cancelled_order: env.METRIC_CANCELLED_ORDER,
      refunded_order: env.METRIC_REFUNDED_ORDER,
    },
  }
}
