/** What sending needs from the settings: a client, a transport, and the names of the metrics. */
import type { Logger } from 'pino'
import { type KlaviyoConfig, klaviyoUrl } from '../../config.ts'
import { digestOf } from '../../lib/digest.ts'
import { type Client, type ClientOptions, createClient } from '../api/client.ts'
import { trackApi } from '../legacy-track/track-api.ts'
import type { MetricNames } from '../mapping/event.ts'
import { endpointsOf, eventsApi, type KlaviyoApi, type Transport } from './transport.ts'

export type KlaviyoSender = {
  /** A digest of where it sends and by which key; see `alarm_sender`. */
  id: string
  client: Client
  transport: Transport
  names: MetricNames
}

/** By the values of `KLAVIYO_API`. */
export const klaviyoApis: Record<KlaviyoConfig['api'], KlaviyoApi> = {
  events: eventsApi,
  track: trackApi,
}

/** Null when the key that the chosen API needs is not set. */
export function createKlaviyoSender(
  config: KlaviyoConfig,
  log: Pick<Logger, 'warn'>,
  watch: Pick<ClientOptions, 'onSend'> = {},
): KlaviyoSender | null {
  const { readKey, transport } = klaviyoApis[config.api]
  const key = readKey(config)
  if (key === null) return null
  const { url, apiKey, rateShare: share } = config
  const client = createClient({ url, apiKey, share, log, ...watch })
  const id = digestOf({ url, api: config.api, key })
  return { id, client, transport: transport(key), names: config.metricNames }
}

/** Warns when messages are not sent to Klaviyo itself. */
export function warnOfDestination(config: KlaviyoConfig, log: Pick<Logger, 'warn'>): void {
  const { keySetting, readKey } = klaviyoApis[config.api]
  if (readKey(config) === null)
    log.warn(`${keySetting} is not set: nothing is sent to Klaviyo, messages wait`)
  else if (config.url !== klaviyoUrl)
    log.warn({ url: config.url }, 'KLAVIYO_URL is a sandbox: nothing reaches Klaviyo')
}

/** Requests that may be sent at once under the limit of so many seconds. */
export type RateLeft = { endpoint: string; window_seconds: number; left: number }

export function readRatesLeft({ client, transport }: KlaviyoSender): RateLeft[] {
  return endpointsOf(transport).flatMap((endpoint) =>
    client
      .rateLimiter(endpoint)
      .left()
      .map(({ max, ms }) => ({ endpoint: endpoint.name, window_seconds: ms / 1000, left: max })),
  )
}
