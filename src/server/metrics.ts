/** In charge of what a server counts as it goes: requests, polls, refreshes, and what it sends to Klaviyo. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { PollLabels } from '../feeds/poll-listener.ts'
import { createHistogram, type Histogram } from './histogram.ts'

/** What is left of one of Klaviyo's limits. */
type RateLeft = { endpoint: string; window_seconds: number; left: number }

/** How much work waits for a connection of a pool. */
type PoolWait = { pool: string; waiting: number }

export type Metrics = {
  /** All of them and those of the process, in Prometheus's format. */
  write: () => Promise<string>
  countRequest: (method: string, route: string, status: number, seconds: number) => void
  /** `seconds` until the answer began. */
  countPoll: (labels: PollLabels, seconds: number) => void
  countRefresh: (feed: string, outcome: string, chunks: number, seconds: number) => void
  countSend: (endpoint: string, result: string, seconds: number) => void
  countMessages: (queue: string, outcome: string, count: number) => void
  /** Asked whenever the metrics are. */
  watchRates: (read: () => RateLeft[]) => void
  /** Asked whenever the metrics are. */
  watchPools: (read: () => PoolWait[]) => void
}

const pollBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3, 10]
const refreshBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

/** Of one server: several may run in a process. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  const histograms: Histogram[] = []
  const counter = (name: string, help: string, ...labelNames: string[]) =>
    makeCounter(registry, { name, help, labelNames })
  const histogram = (name: string, help: string, buckets: number[], ...labelNames: string[]) => {
    const made = createHistogram({ name, help, buckets, labelNames })
    histograms.push(made)
    return remembered(made.child)
  }
  return {
    write: async () =>
      [
        await registry.metrics(),
        ...histograms.map((one) => one.write()),
        await processRegistry().metrics(),
      ].join(''),
    ...requestMetrics(counter, histogram),
    ...refreshMetrics(counter, histogram),
    ...sendMetrics(counter, histogram),
    watchRates: (read) => watchRates(registry, read),
    watchPools: (read) => watchPools(registry, read),
  }
}

type MakeCounter = (
  name: string,
  help: string,
  ...labelNames: string[]
) => (...labels: string[]) => { inc: (by?: number) => void }
type MakeHistogram = (
  name: string,
  help: string,
  buckets: number[],
  ...labelNames: string[]
) => (...labels: string[]) => { observe: (value: number) => void }

function requestMetrics(counter: MakeCounter, histogram: MakeHistogram) {
  const requests = counter(
    'storefeed_http_requests_total',
    'Requests answered, polls of feeds aside',
    ...['method', 'route', 'status'],
  )
  const requestSeconds = histogram(
    'storefeed_http_request_seconds',
    'How long they took',
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    ...['method', 'route'],
  )
  const polls = counter(
    'storefeed_feed_polls_total',
    'Polls answered',
    ...['feed', 'format', 'status', 'state'],
  )
  const pollSeconds = histogram(
    'storefeed_feed_poll_seconds',
    'How long a poll waited for its answer to begin',
    pollBuckets,
    ...['feed', 'format'],
  )
  /** Both by one look-up. */
  const pollOf = remembered((feed: string, format: string, status: string, state: string) => ({
    counted: polls(feed, format, status, state),
    timed: pollSeconds(feed, format),
  }))
  return {
    countRequest(method: string, route: string, status: number, seconds: number) {
      requests(method, route, String(status)).inc()
      requestSeconds(method, route).observe(seconds)
    },
    countPoll({ feed, format, status, state }: PollLabels, seconds: number) {
      const { counted, timed } = pollOf(feed, format, String(status), state)
      counted.inc()
      timed.observe(seconds)
    },
  }
}

function refreshMetrics(counter: MakeCounter, histogram: MakeHistogram) {
  const refreshes = counter(
    'storefeed_feed_refreshes_total',
    'Refreshes; busy: another process had the feed in hands',
    ...['feed', 'outcome'],
  )
  const chunksRendered = counter(
    'storefeed_feed_chunks_rendered_total',
    'Chunks that refreshes rendered, in all formats',
    'feed',
  )
  const refreshSeconds = histogram(
    'storefeed_feed_refresh_seconds',
    'How long refreshes took that rendered anything',
    refreshBuckets,
    'feed',
  )
  return {
    countRefresh(feed: string, outcome: string, chunks: number, seconds: number) {
      refreshes(feed, outcome).inc()
      chunksRendered(feed).inc(chunks)
      if (chunks > 0) refreshSeconds(feed).observe(seconds)
    },
  }
}

function sendMetrics(counter: MakeCounter, histogram: MakeHistogram) {
  const sends = counter(
    'storefeed_klaviyo_requests_total',
    'Requests to Klaviyo by result: accepted, limited (429), retry, rejected (the message), blocked (the key or the API)',
    ...['endpoint', 'result'],
  )
  const sendSeconds = histogram(
    'storefeed_klaviyo_request_seconds',
    'How long Klaviyo took to answer',
    [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15],
    'endpoint',
  )
  const outcomes = counter(
    'storefeed_message_outcomes_total',
    'What became of messages that were tried; pending: they will be tried again',
    ...['queue', 'outcome'],
  )
  return {
    countSend(endpoint: string, result: string, seconds: number) {
      sends(endpoint, result).inc()
      sendSeconds(endpoint).observe(seconds)
    },
    countMessages: (queue: string, outcome: string, count: number) =>
      outcomes(queue, outcome).inc(count),
  }
}

function watchRates(registry: Registry, read: () => RateLeft[]): void {
  new Gauge({
    name: 'storefeed_klaviyo_rate_left',
    help: 'Requests that may leave at once under the limit of so many seconds, as this sender counts',
    labelNames: ['endpoint', 'window_seconds'],
    registers: [registry],
    collect() {
      for (const { left, ...labels } of read()) this.set(labels, left)
    },
  })
}

function watchPools(registry: Registry, read: () => PoolWait[]): void {
  new Gauge({
    name: 'storefeed_database_waiting',
    help: 'Pieces of work of this server that wait for a connection',
    labelNames: ['pool'],
    registers: [registry],
    collect() {
      for (const { waiting, ...labels } of read()) this.set(labels, waiting)
    },
  })
}

let ofProcess: Registry | undefined

/** Memory, CPU and the event loop are the process's, however many servers it runs. */
function processRegistry(): Registry {
  if (!ofProcess) {
    ofProcess = new Registry()
    collectDefaultMetrics({ register: ofProcess })
  }
  return ofProcess
}

/** Counted in plain numbers, which Prometheus's client is told when it is asked: it takes its time to check each label. */
function makeCounter(
  registry: Registry,
  named: { name: string; help: string; labelNames: string[] },
): ReturnType<MakeCounter> {
  const counts: { labels: string[]; count: number }[] = []
  new Counter({
    ...named,
    registers: [registry],
    collect() {
      this.reset()
      for (const { labels, count } of counts) this.labels(...labels).inc(count)
    },
  })
  return remembered((...labels) => {
    const counted = { labels, count: 0 }
    counts.push(counted)
    return {
      inc(by = 1) {
        counted.count += by
      },
    }
  })
}

/** Labels are resolved once. */
function remembered<Labels extends string[], T>(
  make: (...labels: Labels) => T,
): (...labels: Labels) => T {
  const made = new Map<string, T>()
  return (...labels) => {
    const key = labels.join(' ')
    const known = made.get(key)
    if (known) return known
    const first = make(...labels)
    made.set(key, first)
    return first
  }
}
