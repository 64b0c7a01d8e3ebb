import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { PollLabels } from '../feeds/poll-listener.ts'

/** What remains of one of Klaviyo's rate limits. */
type RateLeft = { endpoint: string; window_seconds: number; left: number }

/** How many requests wait for a connection of a pool. */
type PoolWait = { pool: string; waiting: number }

export type Metrics = {
  /** All metrics of the server and of the process, in Prometheus's format. */
  write: () => Promise<string>
  countRequest: (method: string, route: string, status: number, seconds: number) => void
  /** `seconds` until the response began. */
  countPoll: (labels: PollLabels, seconds: number) => void
  countRefresh: (feed: string, result: string, chunks: number, seconds: number) => void
  countSend: (endpoint: string, result: string, seconds: number) => void
  countMessages: (queue: string, status: string, count: number) => void
  /** `read` is called whenever metrics are requested. */
  watchRates: (read: () => RateLeft[]) => void
  /** `read` is called whenever metrics are requested. */
  watchPools: (read: () => PoolWait[]) => void
}

type Definition = { name: string; help: string; labelNames: string[] }

/** All metrics that a server counts itself; those read from the database are in database-metrics.ts. */
const definitions = {
  requests: {
    name: 'storefeed_http_requests_total',
    help: 'Requests answered, except polls of feeds',
    labelNames: ['method', 'route', 'status'],
  },
  requestDuration: {
    name: 'storefeed_http_request_duration_seconds',
    help: 'Time until they were answered',
    labelNames: ['method', 'route'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  },
  polls: {
    name: 'storefeed_feed_polls_total',
    help: 'Polls answered; state is that of X-Feed-State, none when no feed was served',
    labelNames: ['feed', 'format', 'status', 'state'],
  },
  pollDuration: {
    name: 'storefeed_feed_poll_duration_seconds',
    help: 'Time until the response to a poll began',
    labelNames: ['feed', 'format'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3, 10],
  },
  refreshes: {
    name: 'storefeed_feed_refreshes_total',
    help: 'Refreshes by result; busy means that another process was refreshing the feed',
    labelNames: ['feed', 'result'],
  },
  chunksRendered: {
    name: 'storefeed_feed_chunks_rendered_total',
    help: 'Chunks rendered by refreshes, in all formats',
    labelNames: ['feed'],
  },
  refreshDuration: {
    name: 'storefeed_feed_refresh_duration_seconds',
    help: 'Duration of refreshes that rendered anything',
    labelNames: ['feed'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
  },
  sends: {
    name: 'storefeed_klaviyo_requests_total',
    help: 'Requests to Klaviyo by result: accepted, limited (429), retry, rejected (the message), blocked (the key or the API)',
    labelNames: ['endpoint', 'result'],
  },
  sendDuration: {
    name: 'storefeed_klaviyo_request_duration_seconds',
    help: 'Time until Klaviyo responded',
    labelNames: ['endpoint'],
    buckets: [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15],
  },
  attempts: {
    name: 'storefeed_outbox_attempts_total',
    help: 'Messages tried, by their status afterwards; pending ones will be tried again',
    labelNames: ['queue', 'status'],
  },
  rateLimitRemaining: {
    name: 'storefeed_klaviyo_rate_limit_remaining',
    help: 'Requests that can be sent at once under the limit of that window, as this sender counts',
    labelNames: ['endpoint', 'window_seconds'],
  },
  poolWaiting: {
    name: 'storefeed_database_waiting',
    help: 'Requests and tasks of this server that wait for a database connection',
    labelNames: ['pool'],
  },
} satisfies Record<string, Definition & { buckets?: number[] }>

/** Of one server: several may run in a process. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  return {
    write: async () => (await registry.metrics()) + (await processRegistry().metrics()),
    ...httpMetrics(registers),
    ...refreshMetrics(registers),
    ...sendMetrics(registers),
    watchRates: (read) =>
      watch(registers, definitions.rateLimitRemaining, () =>
        read().map(({ left, ...labels }) => ({ labels, value: left })),
      ),
    watchPools: (read) =>
      watch(registers, definitions.poolWaiting, () =>
        read().map(({ waiting, ...labels }) => ({ labels, value: waiting })),
      ),
  }
}

/** A poll pays about 2 µs for both, measured; a counter and histogram of our own took 0.2 µs and earned no more. */
function httpMetrics(registers: Registry[]) {
  const requests = new Counter({ ...definitions.requests, registers })
  const requestDuration = new Histogram({ ...definitions.requestDuration, registers })
  const polls = new Counter({ ...definitions.polls, registers })
  const pollDuration = new Histogram({ ...definitions.pollDuration, registers })
  return {
    countRequest(method: string, route: string, status: number, seconds: number) {
      requests.inc({ method, route, status })
      requestDuration.observe({ method, route }, seconds)
    },
    countPoll(labels: PollLabels, seconds: number) {
      polls.inc(labels)
      pollDuration.observe({ feed: labels.feed, format: labels.format }, seconds)
    },
  }
}

function refreshMetrics(registers: Registry[]) {
  const refreshes = new Counter({ ...definitions.refreshes, registers })
  const chunksRendered = new Counter({ ...definitions.chunksRendered, registers })
  const duration = new Histogram({ ...definitions.refreshDuration, registers })
  return {
    countRefresh(feed: string, result: string, chunks: number, seconds: number) {
      refreshes.inc({ feed, result })
      chunksRendered.inc({ feed }, chunks)
      if (chunks > 0) duration.observe({ feed }, seconds)
    },
  }
}

function sendMetrics(registers: Registry[]) {
  const sends = new Counter({ ...definitions.sends, registers })
  const duration = new Histogram({ ...definitions.sendDuration, registers })
  const attempts = new Counter({ ...definitions.attempts, registers })
  return {
    countSend(endpoint: string, result: string, seconds: number) {
      sends.inc({ endpoint, result })
      duration.observe({ endpoint }, seconds)
    },
    countMessages: (queue: string, status: string, count: number) =>
      attempts.inc({ queue, status }, count),
  }
}

/** A gauge whose values are read whenever metrics are requested. */
function watch(
  registers: Registry[],
  definition: Definition,
  read: () => { labels: Record<string, string | number>; value: number }[],
): void {
  new Gauge({
    ...definition,
    registers,
    collect() {
      for (const { labels, value } of read()) this.set(labels, value)
    },
  })
}

let ofProcess: Registry | undefined

/** Memory, CPU and the event loop belong to the process, however many servers it runs. */
function processRegistry(): Registry {
  if (!ofProcess) {
    ofProcess = new Registry()
    collectDefaultMetrics({ register: ofProcess })
  }
  return ofProcess
}
