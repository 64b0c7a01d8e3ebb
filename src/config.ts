/** The settings: read once from the environment, all of them checked, every error reported at once. */
import { z } from 'zod'
import { hasKnownSessionAttrs, sessionAttrsError } from './lib/connection-url.ts'
import { parseDuration } from './lib/duration.ts'
import { AppError, type FieldError } from './lib/errors.ts'
import { isNearly } from './lib/is-nearly.ts'
import { errorMapWithoutValues } from './lib/validation.ts'

/** Klaviyo itself; any other URL is a sandbox. */
export const klaviyoUrl = 'https://a.klaviyo.com'

/** ISO 4217 as this runtime knows it, so that no list has to be maintained here. */
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

const numberBetween = (
  min: number,
  max: number,
  error = `must be a number from ${min} to ${max}`,
) => z.coerce.number(error).min(min, error).max(max, error)

const wholeNumber = (min: number, max: number) => {
  const error = `must be a whole number from ${min} to ${max}`
  return numberBetween(min, max, error).int(error)
}

/** In milliseconds. The limits are written as the setting itself is. */
function duration(min: string, max: string) {
  const [minMs = 0, maxMs = 0] = [parseDuration(min), parseDuration(max)]
  return z.string().transform((text, context) => {
    const ms = parseDuration(text)
    if (ms !== undefined && ms >= minMs && ms <= maxMs) return ms
    context.addIssue(`must be a duration from ${min} to ${max}, such as 500ms, 3s, 30m, 6h or 90d`)
    return z.NEVER
  })
}

const oneOf = <const T extends string[]>(...values: T) =>
  z.enum(values, `must be one of ${values.join(', ')}`)

const flag = z.stringbool({
  truthy: ['true', '1', 'yes', 'on'],
  falsy: ['false', '0', 'no', 'off'],
  error: 'must be true or false',
})

const httpUrl = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' })

const rateShareError = 'must be a number from 0.01 to 1; a sandbox may have more'

/** Klaviyo wants less than 128 characters. */
const metricName = (name: string) =>
  z.string().trim().max(127, 'must have at most 127 characters').default(name)

const settings = z.object({
  PORT: wholeNumber(0, 65_535).optional(),
  HOST: z.string().optional(),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must begin with postgres://')
    .refine(hasKnownSessionAttrs, sessionAttrsError)
    .optional(),
  DATA_DIR: z.string().default('.storefeed'),
  API_KEY: z
    .string()
    .regex(/^[\x21-\x7e]{16,}$/, 'must have at least 16 characters, without spaces')
    .optional(),
  PUBLIC_URL: httpUrl.optional(),
  FEEDS_PUBLIC: flag.default(false),
  FEED_WAIT: duration('0s', '60s').prefault('3s'),
  STOP_GRACE: duration('0s', '10m').prefault('5s'),
  FEED_MAX_DROP: numberBetween(0, 1).default(0.5),
  MAX_LIST_BYTES: wholeNumber(1, Number.MAX_SAFE_INTEGER).default(100_000),
  STORE_PRODUCT_IDS: flag.default(true),
  RATE_LIMIT: wholeNumber(1, Number.MAX_SAFE_INTEGER).default(6000),
  KLAVIYO_API_KEY: z.string().trim().optional(),
  KLAVIYO_PUBLIC_KEY: z.string().trim().optional(),
  KLAVIYO_API: oneOf('events', 'track').default('events'),
  KLAVIYO_URL: httpUrl
    .transform((url) => new URL(url).href.replace(/(?<!\/)\/+$/, ''))
    .default(klaviyoUrl),
  KLAVIYO_RATE_SHARE: z.coerce.number(rateShareError).min(0.01, rateShareError).default(0.97),
  PUSH_EVERY: duration('1s', '7d').optional(),
  BACKFILL_AFTER: duration('1s', '3650d').prefault('1d'),
  RETENTION: duration('1d', '36500d').prefault('90d'),
  METRIC_PLACED_ORDER: metricName('Placed Order'),
  METRIC_ORDERED_PRODUCT: metricName('Ordered Product'),
  METRIC_FULFILLED_ORDER: metricName('Fulfilled Order'),
  METRIC_CANCELLED_ORDER: metricName('Cancelled Order'),
  METRIC_REFUNDED_ORDER: metricName('Refunded Order'),
  METRIC_RETURNED_ORDER: metricName('Returned Order'),
  METRIC_ADJUSTED_ORDER: metricName('Adjusted Order'),
  CURRENCY: currencyCode.default('USD'),
  LOG_LEVEL: oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent').default('info'),
})

const checked = settings.refine(
  (env) => env.KLAVIYO_RATE_SHARE <= 1 || env.KLAVIYO_URL !== klaviyoUrl,
  { path: ['KLAVIYO_RATE_SHARE'], error: rateShareError },
)

export type KlaviyoConfig = {
  /** Private key. Null when not set: nothing is sent by the Events API, and messages wait. */
  apiKey: string | null
  /** For the Track and Identify APIs. */
  publicKey: string | null
  api: 'events' | 'track'
  /** Without a trailing slash. */
  url: string
  /** The share of Klaviyo's rate limits that storefeed may use. */
  rateShare: number
  /** Null: in real time. */
  pushEveryMs: number | null
  /** An event older than this when it is written is sent as history, which triggers no flow. */
  backfillAfterMs: number
  /** Payloads, errors and warnings of settled messages are purged after this. */
  retentionMs: number
  /** As shown in Klaviyo. */
  metricNames: Record<
    | 'placed_order'
    | 'ordered_product'
    | 'fulfilled_order'
    | 'cancelled_order'
    | 'refunded_order'
    | 'returned_order'
    | 'adjusted_order',
    string
  >
}

export type Config = {
  klaviyo: KlaviyoConfig
  /** Null when not set: 3000; the demo takes any free port when 3000 is in use. */
  port: number | null
  /** Null when not set: every address; the demo listens on loopback only. */
  host: string | null
  /** Null when not set: an embedded Postgres in `dataDir`. */
  databaseUrl: string | null
  dataDir: string
  apiKey: string | null
  /** Without a trailing slash. Null when not set: the address the server listens on. */
  publicUrl: string | null
  feedsPublic: boolean
  /** How long the server still works after SIGTERM while it reports that it is not ready, so that load balancers notice. */
  stopGraceMs: number
  /** How long a poll waits for a feed that holds every write before it gets the last good one. */
  feedWaitMs: number
  /** The share of its items that a feed may lose at once before it is held; 1 turns this off. */
  feedMaxDrop: number
  /** An item with a longer list of ids is reported: Klaviyo may not take it. */
  maxListBytes: number
  /** Whether each store in the feed lists the products it sells. */
  storeProductIds: boolean
  /** Requests per minute with one key, and from one address without a valid key. */
  rateLimit: number
  currency: string
  logLevel: z.infer<typeof settings>['LOG_LEVEL']
}

/**
 * Throws an {@link AppError} that names every invalid variable, and every one that is nearly a setting. An empty variable
 * counts as not set. Other programs may have variables that begin as ours do: those are only told to `warn`.
 */
export function readConfig(
  environment: Record<string, string | undefined>,
  warn: (message: string) => void = () => undefined,
): Config {
  const given = Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) =>
      value?.trim() ? [[name, value.trim()]] : [],
    ),
  )
  const read = checked.safeParse(given, { error: errorMapWithoutValues })
  const issues = read.error?.issues ?? []
  const fieldErrors = [
    ...issues.map(({ path, message }) => ({ field: path.join('.'), detail: message })),
    ...misspelt(Object.keys(given)),
  ]
  if (!read.success || fieldErrors.length > 0)
    throw new AppError('invalid', 'Invalid settings:', fieldErrors)
  for (const name of Object.keys(given))
    if (ownPrefix.test(name) && !isSetting(name))
      warn(`${name} is not a setting of storefeed; docs/configuration.md lists them.`)
  const env = read.data
  return {
    port: env.PORT ?? null,
    host: env.HOST ?? null,
    databaseUrl: env.DATABASE_URL ?? null,
    dataDir: env.DATA_DIR,
    apiKey: env.API_KEY ?? null,
    publicUrl: env.PUBLIC_URL?.replace(/(?<!\/)\/+$/, '') ?? null,
    feedsPublic: env.FEEDS_PUBLIC,
    stopGraceMs: env.STOP_GRACE,
    feedWaitMs: env.FEED_WAIT,
    feedMaxDrop: env.FEED_MAX_DROP,
    maxListBytes: env.MAX_LIST_BYTES,
    storeProductIds: env.STORE_PRODUCT_IDS,
    rateLimit: env.RATE_LIMIT,
    klaviyo: readKlaviyo(env),
    currency: env.CURRENCY,
    logLevel: env.LOG_LEVEL,
  }
}

function misspelt(names: readonly string[]): FieldError[] {
  return names.flatMap((name) => {
    const meant = Object.keys(settings.shape).find((known) => isNearly(name, known))
    return meant && !isSetting(name)
      ? [{ field: name, detail: `is not a setting; ${meant} is` }]
      : []
  })
}

const isSetting = (name: string) => Object.hasOwn(settings.shape, name)
const ownPrefix = /^(KLAVIYO|FEEDS?|METRIC)_/

function readKlaviyo(env: z.infer<typeof settings>): KlaviyoConfig {
  return {
    apiKey: env.KLAVIYO_API_KEY ?? null,
    publicKey: env.KLAVIYO_PUBLIC_KEY ?? null,
    api: env.KLAVIYO_API,
    url: env.KLAVIYO_URL,
    rateShare: env.KLAVIYO_RATE_SHARE,
    pushEveryMs: env.PUSH_EVERY ?? null,
    backfillAfterMs: env.BACKFILL_AFTER,
    retentionMs: env.RETENTION,
    metricNames: {
      placed_order: env.METRIC_PLACED_ORDER,
      ordered_product: env.METRIC_ORDERED_PRODUCT,
      fulfilled_order: env.METRIC_FULFILLED_ORDER,
      cancelled_order: env.METRIC_CANCELLED_ORDER,
      refunded_order: env.METRIC_REFUNDED_ORDER,
      returned_order: env.METRIC_RETURNED_ORDER,
      adjusted_order: env.METRIC_ADJUSTED_ORDER,
    },
  }
}
