/** Answers polls: feed URLs, conditional requests, encodings and headers. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Logger } from 'pino'
import type { AuthorizeFeed } from '../auth/authorize.ts'
import type { Limits } from '../http/limits.ts'
import { renderProblem } from '../http/problem.ts'
import { type RequestContext, requestContext } from '../http/request-context.ts'
import { logResponse } from '../http/request-log.ts'
import { AppError } from '../lib/errors.ts'
import { memoize } from '../lib/memoize.ts'
import { type Semaphore, semaphore } from '../lib/semaphore.ts'
import type { FeedService } from './feed-service.ts'
import type { PollLog } from './poll-log.ts'
import type { Poller } from './poller.ts'
import { type Encoding, etagOf, feedHeaders, isPast, sizeOf } from './response-headers.ts'
import { type Part, partCounts } from './slots.ts'

export type FeedHandlerDeps = {
  feeds: FeedService
  pollLog: PollLog
  authorize: AuthorizeFeed<Poller>
  log: Logger
  countPoll: (labels: PollLabels, seconds: number) => void
  /** Limits how many feeds are sent uncompressed at once. */
  uncompressedStreams: Semaphore
}

export type PollLabels = {
  feed: string
  format: string
  status: number
  /** As `X-Feed-State` tells it; `none` for an error. */
  state: string
}

export const limitUncompressedStreams = ({
  uncompressedStreams,
  uncompressedWaitMs,
}: Pick<Limits, 'uncompressedStreams' | 'uncompressedWaitMs'>): Semaphore =>
  semaphore(uncompressedStreams, uncompressedWaitMs, tooManyStreams)

function tooManyStreams(): AppError {
  const advice = 'Try again later, or send Accept-Encoding: gzip, which is always served.'
  return new AppError('unavailable', `Too many feeds are being sent uncompressed. ${advice}`)
}

/** False when the request is not a poll; it is then untouched. */
export type FeedListener = (request: IncomingMessage, response: ServerResponse) => boolean

/** A file directly under /feeds/, whatever its name. */
const pollPath = /^\/feeds\/[^/]/
const dotSegment = /\/(?:\.|%2e){1,2}(?:[/?]|$)/i

/** Resolves dot segments (RFC 3986, 5.2.4), as all other routing does. */
function pathOf(url: string): string {
  if (url.startsWith('/') && dotSegment.test(url)) return new URL(`http://x${url}`).pathname
  const end = url.indexOf('?')
  return end < 0 ? url : url.slice(0, end)
}

const keyInUrl = memoize((url) => {
  const [, query] = url.split('?', 2)
  return new URLSearchParams(query).get('key')
})

/**
 * Polls are answered from memory to the socket before any other routing, so that a poll costs little more than its bytes.
 */
export function feedListener(deps: FeedHandlerDeps): FeedListener {
  return (request, response) => {
    const path = pathOf(request.url ?? '')
    const isPoll = pollPath.test(path) && (request.method === 'GET' || request.method === 'HEAD')
    if (!isPoll) return false
    const { 'x-request-id': id, traceparent } = request.headers
    const arrival = { path, context: requestContext(id, traceparent), at: performance.now() }
    answerPoll(deps, request, response, arrival).catch((error: unknown) =>
      rejectPoll(deps, error, request, response, arrival),
    )
    return true
  }
}

type Arrival = { path: string; context: RequestContext; at: number }

const secondsSince = (at: number) => (performance.now() - at) / 1000

async function answerPoll(
  { feeds, pollLog, authorize, log, countPoll, uncompressedStreams }: FeedHandlerDeps,
  request: IncomingMessage,
  response: ServerResponse,
  { path, context, at }: Arrival,
): Promise<void> {
  const given = { key: keyInUrl(request.url ?? ''), authorization: request.headers.authorization }
  const poller = await authorize(given, request.socket.remoteAddress)
  const { feed, format, part } = parseFileName(path)
  const { response: feedResponse, freshness } = await feeds.poll(feed, format, part, poller?.states)
  const encoding = encodingFor(request.headers['accept-encoding'] ?? '')
  const unchanged = isUnchanged(request, etagOf(feedResponse, encoding), feedResponse.modifiedAt)
  const bodiless = unchanged || request.method === 'HEAD'
  const status = unchanged ? 304 : 200

  function record() {
    const milliseconds = Math.round(performance.now() - at)
    if (log.isLevelEnabled('debug'))
      log.debug({ ...context.log, method: request.method, path, status, ms: milliseconds }, 'poll')
    pollLog.add({
      at: new Date(),
      feed,
      format,
      status,
      bytes: bodiless ? 0 : sizeOf(feedResponse, encoding),
      milliseconds,
      user_agent: request.headers['user-agent']?.slice(0, 255) ?? null,
      address: request.socket.remoteAddress ?? null,
      build: feedResponse.build,
    })
  }
  function begin() {
    if (bodiless) record()
    else response.once('close', record)
    countPoll({ feed, format, status, state: freshness }, secondsSince(at))
    const headers = feedHeaders(feedResponse, { freshness, encoding, unchanged })
    response.writeHead(status, headers.concat(...context.headers))
  }
  async function sendText() {
    const inflated = await feedResponse.inflated()
    if (!inflated)
      return uncompressedStreams(() => {
        begin()
        return pipeline(Readable.from(feedResponse.text()), response)
      })
    begin()
    writeAll(response, inflated)
  }
  if (!bodiless && encoding === 'identity') return sendText()
  begin()
  if (bodiless) response.end()
  else writeAll(response, feedResponse.gzip.buffers)
}

/** A response that has begun is cut off, so that nobody takes it for complete. */
function rejectPoll(
  { log, countPoll }: FeedHandlerDeps,
  error: unknown,
  { method }: IncomingMessage,
  response: ServerResponse,
  { path, context, at }: Arrival,
): void {
  const [file = 'none', feed = 'none', , , format = 'none'] =
    fileName.exec(path.slice('/feeds/'.length)) ?? []
  if (response.headersSent) {
    log.warn({ ...context.log, file, err: error }, 'a feed was cut off')
    response.destroy()
    return
  }
  const { status, headers, body } = renderProblem(error)
  countPoll({ feed, format, status, state: 'none' }, secondsSince(at))
  const ms = Math.round(performance.now() - at)
  logResponse(log, { ...context.log, method, path: `/feeds/${file}`, status, ms }, error)
  response.writeHead(status, { ...headers, ...Object.fromEntries(context.headers) }).end(body)
}

const fileName = /^(products|stores)(?:\.(\d+)-of-(\d+))?\.(json|xml)$/

type FeedFile = { feed: 'products' | 'stores'; format: 'json' | 'xml'; part: Part }

const parseFileName = memoize((path): FeedFile => {
  const [, feed, number = '1', of = '1', format] = fileName.exec(path.slice('/feeds/'.length)) ?? []
  if ((feed !== 'products' && feed !== 'stores') || (format !== 'json' && format !== 'xml')) {
    throw new AppError(
      'not_found',
      'Unknown feed. The feeds are products.json, products.xml, stores.json and stores.xml.',
    )
  }
  const part = { number: Number(number), of: Number(of) }
  if (!partCounts.some((count) => count === part.of)) {
    throw new AppError(
      'not_found',
      `A feed can be split into ${partCounts.join(', ')} parts, as in ${feed}.1-of-8.${format}.`,
    )
  }
  if (part.number < 1 || part.number > part.of)
    throw new AppError('not_found', `Parts are numbered from 1 to ${part.of}.`)
  return { feed, format, part }
})

/** An entry for gzip itself takes precedence over `*`. */
const encodingFor = memoize((header): Encoding => {
  const entries = header.toLowerCase().split(',').map(readCoding)
  const entry =
    entries.find(({ coding }) => coding === 'gzip' || coding === 'x-gzip') ??
    entries.find(({ coding }) => coding === '*')
  return entry?.accepted ? 'gzip' : 'identity'
})

function readCoding(entry: string): { coding: string; accepted: boolean } {
  const [coding = '', ...parameters] = entry.split(';').map((word) => word.trim())
  return { coding, accepted: !parameters.some((one) => /^q=0(\.0*)?$/.test(one)) }
}

function isUnchanged(request: IncomingMessage, etag: string, modifiedAt: Date): boolean {
  const wanted = request.headers['if-none-match']
  if (wanted !== undefined)
    return (
      wanted === etag ||
      wanted.trim() === '*' ||
      wanted.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)
    )
  const since = Date.parse(request.headers['if-modified-since'] ?? '')
  // Not a comparison: after a restore, or with a clock set back, a feed that changed may be older than the caller's.
  return isPast(modifiedAt) && modifiedAt.getTime() === since
}

/** Written at once: what a slow reader has not taken yet is kept as references to the shared buffers. */
function writeAll(response: ServerResponse, buffers: Buffer[]): void {
  response.cork()
  for (const buffer of buffers) response.write(buffer)
  response.end()
  response.uncork()
}
