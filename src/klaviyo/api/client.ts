/** Sends requests to Klaviyo, within its rate limits. */
import type { Logger } from 'pino'
import { type HttpRequest, type HttpResponse, sendRequest } from '../../lib/http-request.ts'
import { TimeoutError } from '../../lib/with-timeout.ts'
import { type Endpoint, headers, revision } from './endpoints.ts'
import { createRateLimiter, type RateLimiter } from './rate-limiter.ts'
import { readResult, type SendResult } from './send-result.ts'

export type Client = {
  /** Waits for the rate limit, then sends. Never throws for what Klaviyo or the network does. */
  post: (endpoint: Endpoint, body: string) => Promise<SendResult>
  rateLimiter: (endpoint: Endpoint) => RateLimiter
  url: string
}

export type ClientOptions = {
  url: string
  /** Private key; the Track and Identify APIs go without. */
  apiKey: string | null
  /** The share of Klaviyo's rate limits to use, up to 1; more against a sandbox. */
  share: number
  log: Pick<Logger, 'warn'>
  timeoutMs?: number
  /** Called after each request; `limited` is a 429. */
  onSend?: (endpoint: string, result: SendResult['result'] | 'limited', seconds: number) => void
}

/** Klaviyo's longest names an error for each of 1,000 events. */
const maxAnswerBytes = 2_000_000

export function createClient({
  url,
  apiKey,
  share,
  log,
  timeoutMs = 15_000,
  onSend,
}: ClientOptions): Client {
  const limiters = new Map<string, RateLimiter>()
  const warnOfRetirement = retirementWarning(log)

  function rateLimiter({ name, rateLimit, evenly = false }: Endpoint): RateLimiter {
    const limiter = limiters.get(name) ?? createRateLimiter(rateLimit, share, { evenly })
    limiters.set(name, limiter)
    return limiter
  }

  async function send(endpoint: Endpoint, body: string): Promise<SendResult> {
    try {
      const request = { method: 'POST', ...endpoint.encode(body, apiKey) } as const
      const response = await ask(url + endpoint.path, request, timeoutMs)
      warnOfRetirement(response)
      const { status, headers: answered } = response
      const answer = { status, headers: answered, text: response.body.toString() }
      return readResult(answer, endpoint.readSuccess)
    } catch (error) {
      return {
        result: 'retry',
        reason: describeFailure(error),
        retryAfterMs: null,
        requestId: null,
      }
    }
  }

  return {
    rateLimiter,
    url,
    async post(endpoint, body) {
      await rateLimiter(endpoint).acquire()
      const started = performance.now()
      const answer = await send(endpoint, body)
      const limited = answer.result === 'retry' && answer.retryAfterMs !== null
      const seconds = (performance.now() - started) / 1000
      onSend?.(endpoint.name, limited ? 'limited' : answer.result, seconds)
      return answer
    },
  }
}

/** Warns once of each date. */
function retirementWarning(log: ClientOptions['log']): (response: HttpResponse) => void {
  let warnedOf: string | null = null
  return (response) => {
    const date = response.headers.get('x-klaviyo-api-retirement-date')
    if (date === null || date === warnedOf) return
    warnedOf = date
    log.warn({ revision, date }, 'Klaviyo will retire the API revision that storefeed uses')
  }
}

/** One GET without retries; throws when the network fails. */
export async function readFromKlaviyo(
  { url, apiKey }: Pick<ClientOptions, 'url' | 'apiKey'>,
  path: string,
): Promise<{ status: number; text: string }> {
  const { status, body } = await ask(url + path, { headers: headers(apiKey) }, 10_000)
  return { status, text: body.toString() }
}

/** The answer of another place is none of Klaviyo's, so a redirect is a failure of the network. */
async function ask(url: string, request: HttpRequest, timeoutMs: number): Promise<HttpResponse> {
  const response = await sendRequest(url, request, { timeoutMs, maxBytes: maxAnswerBytes })
  if (response.status >= 300 && response.status < 400) throw new Error('unexpected redirect')
  return response
}

/** The code (`ECONNRESET`, `ENOTFOUND`) rather than the message, which names addresses. */
export function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof TimeoutError) return error.message
  return 'code' in error ? String(error.code) : error.message
}
