/** In charge of what sending needs from the settings: a client, a transport, and the names of the metrics. */
import type { Logger } from 'pino'
import { type KlaviyoConfig, klaviyoUrl } from '../config.ts'
import { type Client, createClient } from './client.ts'
import type { MetricNames } from './event.ts'
import { eventsTransport, type Transport, trackTransport } from './transport.ts'

export type Post = { client: Client; transport: Transport; names: MetricNames }

/** Null when the key that the chosen API needs is not set; the log says so. */
export function createPost(config: KlaviyoConfig, log: Pick<Logger, 'warn'>): Post | null {
  const transport = chooseTransport(config)
  if (!transport) {
    const missing = config.api === 'track' ? 'KLAVIYO_PUBLIC_KEY' : 'KLAVIYO_API_KEY'
    log.warn(`${missing} is not set: nothing is sent to Klaviyo, messages wait`)
    return null
  }
  const { url, apiKey, rateShare: share } = config
  if (url !== klaviyoUrl) log.warn({ url }, 'KLAVIYO_URL is a sandbox: nothing reaches Klaviyo')
  return { client: createClient({ url, apiKey, share, log }), transport, names: config.metricNames }
}

function chooseTransport({ api, apiKey, publicKey }: KlaviyoConfig): Transport | null {
  if (api === 'track') return publicKey === null ? null : trackTransport(publicKey)
  return apiKey === null ? null : eventsTransport
}
