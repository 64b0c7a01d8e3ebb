/** In charge of every request to Klaviyo: the only place that speaks to the outside, and what an answer means. */
import type { Logger } from 'pino'
import { z } from 'zod'
import { mask } from '../../lib/mask.ts'
import { type Endpoint, endpoints } from './limits.ts'
import { createRateLimiter, type RateLimiter } from './rate-limiter.ts'
import { revision } from './request-bodies.ts'

export type Fault = { pointer: string | undefined; detail: string }

/** What to do with what was sent. Only a 429 has `retryAfterMs`: then nobody sends before that. */
export type SendResult = Answer &
  (
    | { verdict: 'done' }
    | { verdict: 'later'; reason: string; retryAfterMs: number | null }
    | { verdict: 'never'; reason: string; faults: Fault[] }
    | { verdict: 'stop'; reason: string }
  )
export type Refused = Extract<SendResult, { verdict: 'never' }>
/** Klaviyo's name for the request, by which its support finds it. */
type Answer = { requestId: string | null }

export type Client = {
  /** Waits for its turn under Klaviyo's limits, then sends; never throws for what Klaviyo or the network does. */
  post: (endpoint: Endpoint, body: string) => Promise<SendResult>
  rateLimiters: Record<Endpoint, RateLimiter>
  /** Where it sends to. */
  url: string
}

export type ClientOptions = {
  url: string
  /** Private key; the Track and Identify APIs go without. */
  apiKey: string | null
  /** The part of Klaviyo's limits to use, up to 1; with `Infinity` there are none. */
  share: number
  log: Pick<Logger, 'warn'>
  timeoutMs?: number
  /** Told of each request: `limited` is a 429. */
  onSend?: (endpoint: Endpoint, verdict: SendResult['verdict'] | 'limited', seconds: number) => void
}

const statusVerdicts: Record<number, 'done' | 'later' | 'never' | 'stop'> = {
  200: 'done',
  201: 'done',
  202: 'done',
  400: 'never',
  401: 'stop',
  403: 'stop',
  408: 'later',
  409: 'never',
  410: 'stop',
  413: 'never',
  422: 'never',
  425: 'later',
  429: 'later',
}

const defaultRetryAfterMs = 10_000

const errorBody = z.object({
  errors: z
    .array(
      z.object({
        detail: z.string(),
        source: z.object({ pointer: z.string().optional() }).nullish(),
      }),
    )
    .min(1),
})

export function createClient({
  url,
  apiKey,
  share,
  log,
  timeoutMs = 15_000,
  onSend,
}: ClientOptions): Client {
  const rateLimiters = {
    event: createRateLimiter(endpoints.event.windows, share),
    bulk: createRateLimiter(endpoints.bulk.windows, share, { evenly: true }),
    profile: createRateLimiter(endpoints.profile.windows, share),
    track: createRateLimiter(endpoints.track.windows, share),
    identify: createRateLimiter(endpoints.identify.windows, share),
  }
  let retirement: string | null = null

  function warnOfRetirement(response: Response) {
    const date = response.headers.get('x-klaviyo-api-retirement-date')
    if (date === null || date === retirement) return
    retirement = date
    log.warn({ revision, date }, 'Klaviyo will retire the revision of its API that storefeed uses')
  }

  async function send(endpoint: Endpoint, body: string): Promise<SendResult> {
    try {
      const response = await fetch(url + endpoints[endpoint].path, {
        method: 'POST',
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
        ...content(endpoint, body, apiKey),
      })
      warnOfRetirement(response)
      return judge(endpoint, response, await response.text())
    } catch (error) {
      return { verdict: 'later', reason: faultOf(error), retryAfterMs: null, requestId: null }
    }
  }

  return {
    rateLimiters,
    url,
    async post(endpoint, body) {
      await rateLimiters[endpoint].acquire()
      const started = performance.now()
      const verdict = await send(endpoint, body)
      const limited = verdict.verdict === 'later' && verdict.retryAfterMs !== null
      const seconds = (performance.now() - started) / 1000
      onSend?.(endpoint, limited ? 'limited' : verdict.verdict, seconds)
      return verdict
    },
  }
}

/** Reads once, for a person who waits; throws what the network does. */
export async function readFromKlaviyo(
  { url, apiKey }: Pick<ClientOptions, 'url' | 'apiKey'>,
  path: string,
): Promise<{ status: number; text: string }> {
  const { headers } = content('event', '', apiKey)
  const signal = AbortSignal.timeout(10_000)
  const response = await fetch(url + path, { redirect: 'error', signal, headers })
  return { status: response.status, text: await response.text() }
}

function content(endpoint: Endpoint, body: string, apiKey: string | null) {
  if (endpoint === 'track' || endpoint === 'identify') {
    return { body: new URLSearchParams({ data: body }), headers: { accept: 'text/html' } }
  }
  const headers = {
    authorization: `Klaviyo-API-Key ${apiKey}`,
    accept: 'application/vnd.api+json',
    'content-type': 'application/vnd.api+json',
    revision,
    'x-klaviyo-revision-fall-forward-opt-out': '1',
  }
  return { body, headers }
}

function judge(endpoint: Endpoint, response: Response, text: string): SendResult {
  const { status, headers } = response
  const requestId = headers.get('x-klaviyo-req-id')
  const meaning = statusVerdicts[status] ?? 'later'
  if (meaning === 'done') return accepted(endpoint, text, requestId)
  const errors = readErrors(text)
  const reason = `${status} ${errors?.map(({ detail }) => detail).join('; ') ?? 'without an error of Klaviyo’s'}`
  if (meaning === 'later') {
    const retryAfterMs = status === 429 ? readRetryAfter(headers.get('retry-after')) : null
    return { verdict: 'later', reason, retryAfterMs, requestId }
  }
  // It becomes an alarm, which the log tells and /readyz shows to everybody.
  if (meaning === 'stop') return { verdict: 'stop', reason: mask(reason), requestId }
  // An edge or a proxy answers in HTML; only Klaviyo itself may condemn a message.
  if (!errors && status !== 413) return { verdict: 'later', reason, retryAfterMs: null, requestId }
  return { verdict: 'never', reason, faults: errors ?? [], requestId }
}

/** Track and Identify say 1 for yes and 0 for no, both with a 200. */
function accepted(endpoint: Endpoint, text: string, requestId: string | null): SendResult {
  const old = endpoint === 'track' || endpoint === 'identify'
  if (!old || text.trim() === '1') return { verdict: 'done', requestId }
  const reason = `${endpoint} answered ${text.trim().slice(0, 20)}, not 1`
  if (text.trim() !== '0') return { verdict: 'later', reason, retryAfterMs: null, requestId }
  return { verdict: 'never', reason, faults: [], requestId }
}

function readErrors(text: string): Fault[] | null {
  try {
    const { errors } = errorBody.parse(JSON.parse(text))
    return errors.map(({ detail, source }) => ({ detail, pointer: source?.pointer }))
  } catch {
    return null
  }
}

/** RFC 9110: seconds or a date. */
function readRetryAfter(header: string | null): number {
  if (!header) return defaultRetryAfterMs
  const seconds = Number(header)
  const ms = Number.isFinite(seconds) ? seconds * 1_000 : Date.parse(header) - Date.now()
  return Number.isFinite(ms) ? Math.max(0, ms) : defaultRetryAfterMs
}

/** The cause's code (`ECONNRESET`, `UND_ERR_SOCKET`) says more than the `fetch failed` around it. */
export function faultOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return 'no answer in time'
  const { cause } = error
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : null
  return code ?? (cause instanceof Error ? cause.message : error.message)
}
