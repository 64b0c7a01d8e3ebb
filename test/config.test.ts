import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { currencyDecimals, readConfig } from '../src/config.ts'
import { AppError } from '../src/lib/errors.ts'

const defaults = {
  port: null,
  host: null,
  databaseUrl: null,
  dataDir: '.storefeed',
  apiKey: null,
  publicUrl: null,
  feedsPublic: false,
  feedWaitMs: 3000,
  stopGraceMs: 5000,
  feedMaxDrop: 0.5,
  maxListBytes: 100_000,
  storeProductIds: true,
  rateLimit: 6000,
  klaviyo: {
    apiKey: null,
    publicKey: null,
    api: 'events',
    url: 'https://a.klaviyo.com',
    rateShare: 0.97,
    pushEveryMs: null,
    backfillAfterMs: 86_400_000,
    retentionMs: 7_776_000_000,
    metricNames: {
      placed_order: 'Placed Order',
      ordered_product: 'Ordered Product',
      fulfilled_order: 'Fulfilled Order',
      cancelled_order: 'Cancelled Order',
      refunded_order: 'Refunded Order',
      returned_order: 'Returned Order',
      adjusted_order: 'Adjusted Order',
    },
  },
  currency: 'USD',
  logLevel: 'info',
}

test('with nothing set, every setting has its default', () => {
  expect(readConfig({})).toEqual(defaults)
})

test('a variable that is empty or blank counts as not set', () => {
  const names = [
    'PORT',
    'HOST',
    'DATABASE_URL',
    'API_KEY',
    'PUBLIC_URL',
    'FEEDS_PUBLIC',
    'CURRENCY',
  ]
  expect(readConfig(Object.fromEntries(names.map((name) => [name, ''])))).toEqual(defaults)
  expect(readConfig(Object.fromEntries(names.map((name) => [name, ' \n'])))).toEqual(defaults)
})

const everySetting = {
  PATH: '/bin',
  PORT: '8080',
  HOST: '127.0.0.1',
  DATABASE_URL: 'postgresql://shop:secret@db:5432/shop',
  DATA_DIR: '/var/lib/storefeed',
  API_KEY: 'a-key-of-sixteen\n',
  PUBLIC_URL: 'https://feeds.shop.example/',
  FEEDS_PUBLIC: 'true',
  FEED_WAIT: '0s',
  STOP_GRACE: '10s',
  FEED_MAX_DROP: '0.25',
  MAX_LIST_BYTES: '65536',
  STORE_PRODUCT_IDS: 'off',
  RATE_LIMIT: '60',
  KLAVIYO_API_KEY: 'pk_1',
  KLAVIYO_PUBLIC_KEY: 'ABC123',
  KLAVIYO_API: 'track',
  KLAVIYO_URL: 'http://127.0.0.1:3001/',
  KLAVIYO_RATE_SHARE: '0.5',
  PUSH_EVERY: '30m',
  BACKFILL_AFTER: '6h',
  RETENTION: '7d',
  METRIC_PLACED_ORDER: 'Placed Order Retail',
  METRIC_ORDERED_PRODUCT: 'Ordered Product Retail',
  METRIC_FULFILLED_ORDER: 'Fulfilled Order Retail',
  METRIC_CANCELLED_ORDER: 'Canceled Order',
  METRIC_REFUNDED_ORDER: 'Refunded Order Retail',
  METRIC_RETURNED_ORDER: 'Returned Order Retail',
  METRIC_ADJUSTED_ORDER: 'Adjusted Order Retail',
  CURRENCY: 'JPY',
  LOG_LEVEL: 'debug',
}
test('every setting can be set, and other variables are ignored', () => {
  expect(readConfig(everySetting)).toEqual({
    port: 8080,
    host: '127.0.0.1',
    databaseUrl: 'postgresql://shop:secret@db:5432/shop',
    dataDir: '/var/lib/storefeed',
    apiKey: 'a-key-of-sixteen',
    publicUrl: 'https://feeds.shop.example',
    feedsPublic: true,
    feedWaitMs: 0,
    stopGraceMs: 10_000,
    feedMaxDrop: 0.25,
    maxListBytes: 65_536,
    storeProductIds: false,
    rateLimit: 60,
    klaviyo: {
      apiKey: 'pk_1',
      publicKey: 'ABC123',
      api: 'track',
      url: 'http://127.0.0.1:3001',
      rateShare: 0.5,
      pushEveryMs: 1_800_000,
      backfillAfterMs: 21_600_000,
      retentionMs: 604_800_000,
      metricNames: {
        placed_order: 'Placed Order Retail',
        ordered_product: 'Ordered Product Retail',
        fulfilled_order: 'Fulfilled Order Retail',
        cancelled_order: 'Canceled Order',
        refunded_order: 'Refunded Order Retail',
        returned_order: 'Returned Order Retail',
        adjusted_order: 'Adjusted Order Retail',
      },
    },
    currency: 'JPY',
    logLevel: 'debug',
  })
})

test('all errors are reported at once, and none repeats a value, which may be a secret', () => {
  const environment = {
    PORT: '70000',
    DATABASE_URL: 'mysql://root:secret@db/shop',
    API_KEY: 'secret',
    PUBLIC_URL: 'ftp://secret.example',
    FEEDS_PUBLIC: 'secret',
    FEED_WAIT: 'soon',
    STOP_GRACE: '-1',
    FEED_MAX_DROP: '2',
    MAX_LIST_BYTES: '0',
    RATE_LIMIT: '0',
    KLAVIYO_API: 'secret',
    KLAVIYO_URL: 'secret',
    KLAVIYO_RATE_SHARE: '0',
    PUSH_EVERY: '30 minutes',
    BACKFILL_AFTER: 'secret',
    RETENTION: 'secret',
    METRIC_PLACED_ORDER: 'secret'.repeat(22),
    CURRENCY: 'EURO',
    LOG_LEVEL: 'loud',
  }
  const error = errorOf(environment)
  expect(error.fieldErrors.map(({ field }) => field)).toEqual(Object.keys(environment))
  expect(JSON.stringify([error.message, error.fieldErrors])).not.toContain('secret')
})

function errorOf(environment: Record<string, string>): AppError {
  try {
    readConfig(environment)
  } catch (error) {
    if (error instanceof AppError) return error
  }
  throw new Error('the settings were accepted')
}

test.each(['a key with spaces in', 'eine-schlüssel-mit-umlaut', 'short'])(
  'API_KEY may not be %j, which no header could hold or anyone could guess',
  (API_KEY) => {
    expect(errorOf({ API_KEY }).fieldErrors).toEqual([
      { field: 'API_KEY', detail: 'must have at least 16 characters, without spaces' },
    ])
  },
)

test.each(['https://a.klaviyo.com', 'https://a.klaviyo.com/', 'https://A.Klaviyo.com'])(
  'of the limits of Klaviyo itself, at %s, no more than all may be used',
  (KLAVIYO_URL) => {
    expect(errorOf({ KLAVIYO_URL, KLAVIYO_RATE_SHARE: '1.01' }).fieldErrors).toEqual([
      {
        field: 'KLAVIYO_RATE_SHARE',
        detail: 'must be a number from 0.01 to 1; a sandbox may have more',
      },
    ])
    expect(readConfig({ KLAVIYO_URL, KLAVIYO_RATE_SHARE: '1' }).klaviyo.rateShare).toBe(1)
  },
)

test('of the limits of a sandbox any multiple may be used', () => {
  const { klaviyo } = readConfig({ KLAVIYO_URL: 'http://127.0.0.1:3001', KLAVIYO_RATE_SHARE: '50' })
  expect(klaviyo.rateShare).toBe(50)
})

test.each([
  ['true', true],
  ['1', true],
  ['yes', true],
  ['false', false],
  ['0', false],
  ['no', false],
])('FEEDS_PUBLIC=%s means %s', (FEEDS_PUBLIC, feedsPublic) => {
  expect(readConfig({ FEEDS_PUBLIC })).toMatchObject({ feedsPublic })
})

test.each([
  ['FEED_WAIT', '0s', '60s', '61s'],
  ['STOP_GRACE', '0s', '10m', '11m'],
  ['PUSH_EVERY', '1s', '7d', '999ms'],
  ['BACKFILL_AFTER', '1s', '3650d', '0s'],
  ['RETENTION', '1d', '36500d', '23h'],
])('%s is a duration from %s to %s', (name, min, max, outside) => {
  readConfig({ [name]: min })
  readConfig({ [name]: max })
  const detail = `must be a duration from ${min} to ${max}, such as 500ms, 3s, 30m, 6h or 90d`
  for (const value of [outside, '3', 'soon'])
    expect(errorOf({ [name]: value }).fieldErrors).toEqual([{ field: name, detail }])
})

test.each([
  ['USD', 2],
  ['JPY', 0],
  ['KWD', 3],
])('an amount of %s has %i decimals', (currency, decimals) => {
  expect(currencyDecimals(currency)).toBe(decimals)
})

test('.env.example lists every setting with its default', async () => {
  const text = await readFile(new URL('../.env.example', import.meta.url), 'utf8')
  const listed = Object.fromEntries(
    [...text.matchAll(/^#?([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
  )
  expect(readConfig(listed)).toEqual({ ...defaults, port: 3000 })
  expect(Object.keys(listed)).toEqual(Object.keys(everySetting).filter((name) => name !== 'PATH'))
})

test.each([
  ['DATABSE_URL', 'DATABASE_URL'],
  ['DATABASE_URI', 'DATABASE_URL'],
  ['DATABASEURL', 'DATABASE_URL'],
  ['FEED_PUBLIC', 'FEEDS_PUBLIC'],
  ['KLAVIYO_APIKEY', 'KLAVIYO_API_KEY'],
  ['KLAVYIO_API_KEY', 'KLAVIYO_API_KEY'],
])('%s is told to be no setting, and which is', (name, meant) => {
  expect(() => readConfig({ [name]: 'x' })).toThrow(
    expect.objectContaining({
      fieldErrors: [{ field: name, detail: `is not a setting; ${meant} is` }],
    }),
  )
})

test('a variable that begins as settings do is warned of, any other is not', () => {
  const warnings: string[] = []
  readConfig(
    { KLAVIYO_LIST: '1', METRIC_RETURNED: 'x', FEED_URL: 'x', POST: '1', DATA: 'x', HOME: '/' },
    (message) => warnings.push(message.split(' ')[0] ?? ''),
  )
  expect(warnings).toEqual(['KLAVIYO_LIST', 'METRIC_RETURNED', 'FEED_URL'])
})
