/** In charge of what sending needs from the settings: a client, a transport, and the names of the metrics. */
import type { Logger } from 'pino'
import { type KlaviyoConfig, klaviyoUrl } from '../../config.ts'
import { type Client, type ClientOptions, createClient } from '../api/client.ts'
import type { Endpoint } from '../api/limits.ts'
import type { MetricNames } from '../mapping/event.ts'
import { eventsTransport, type Transport, trackTransport } from './transport.ts'

/** Requests that may leave at once under the limit of so many seconds. */
export type RateLeft = { endpoint: Endpoint; window_seconds: number; left: number }

export type KlaviyoSender = { client: Client; transport: Transport; names: MetricNames }

/** Null when the key that the chosen API needs is not set. */
export function createKlaviyoSender(
  config: KlaviyoConfig,
  log: Pick<Logger, 'warn'>,
  watch: Pick<ClientOptions, 'onSend'> = {},
): KlaviyoSender | null {
  const transport = chooseTransport(config)
  if (!transport) return null
  const { url, apiKey, rateShare: share } = config
  const client = createClient({ url, apiKey, share, log, ...watch })
  return { client, transport, names: config.metricNames }
}

/** Where messages go, if it is not to Klaviyo. */
export function warnOfDestination(config: KlaviyoConfig, log: Pick<Logger, 'warn'>): void {
  const { api, url } = config
  if (!chooseTransport(config)) {
    const missing = api === 'track' ? 'KLAVIYO_PUBLIC_KEY' : 'KLAVIYO_API_KEY'
    log.warn(`${missing} is not set: nothing is sent to Klaviyo, messages wait`)
  } else if (url !== klaviyoUrl)
    log.warn({ url }, 'KLAVIYO_URL is a sandbox: nothing reaches Klaviyo')
}

/** What is left of the limits of those endpoints that this post uses. */
export function readRatesLeft({ client, transport }: KlaviyoSender): RateLeft[] {
  const { event, profile, bulkEntry } = transport
  const used = [event.endpoint, profile.endpoint, ...(bulkEntry ? (['bulk'] as const) : [])]
  return used.flatMap((endpoint) =>
    client.rateLimiters[endpoint]
      .left()
      .map(({ max, ms }) => ({ endpoint, window_seconds: ms / 1000, left: max })),
  )
}

function chooseTransport({ api, apiKey, publicKey }: KlaviyoConfig): Transport | null {
  if (api === 'track') return publicKey === null ? null : trackTransport(publicKey)
  return apiKey === null ? null : eventsTransport
}
