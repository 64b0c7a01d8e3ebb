/** The only file that sends requests to other servers. By node:http, which takes half as long as fetch to send one. */
import { once } from 'node:events'
import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { TimeoutError, withTimeout } from './with-timeout.ts'

export type HttpRequest = {
  method?: 'GET' | 'POST'
  headers?: Record<string, string>
  body?: string
}

export type HttpResponse = {
  status: number
  headers: Headers
  body: Buffer
  /** From the request to the headers of the response. */
  waitedMs: number
}

export type HttpLimits = {
  /** For all of the response, its body too. */
  timeoutMs: number
  maxBytes: number
}

export class ResponseTooLargeError extends Error {}

/** Idle connections are closed before most servers close them: a request might be lost with its connection. */
const idle = { keepAlive: true, timeout: 4_000 }
const clients = {
  'http:': { open: http.request, agent: new http.Agent(idle) },
  'https:': { open: https.request, agent: new https.Agent(idle) },
}

const timedOut = () => new TimeoutError('the request timed out')

/**
 * Follows no redirects. Throws when the network fails, the time is over or the body is too large; whatever happens, the
 * connection is then free or closed.
 */
export async function sendRequest(
  url: string,
  { method = 'GET', headers = {}, body }: HttpRequest,
  { timeoutMs, maxBytes }: HttpLimits,
): Promise<HttpResponse> {
  const started = performance.now()
  const { open, agent } = clients[new URL(url).protocol === 'https:' ? 'https:' : 'http:']
  const request = open(url, { method, agent, headers: { 'accept-encoding': 'gzip', ...headers } })
  // Once there is a response, reading it fails too.
  request.on('error', () => undefined)
  const receive = async (): Promise<HttpResponse> => {
    const responded = once(request, 'response')
    request.end(body)
    const [response]: IncomingMessage[] = await responded
    if (!response) throw new Error('no response')
    const waitedMs = performance.now() - started
    const { statusCode: status = 0 } = response
    return {
      status,
      headers: headersOf(response),
      body: await readBody(response, maxBytes),
      waitedMs,
    }
  }
  const received = receive()
  try {
    return await withTimeout(received, timeoutMs, timedOut)
  } catch (error) {
    request.destroy()
    received.catch(() => undefined)
    throw error
  }
}

function headersOf({ headersDistinct }: IncomingMessage): Headers {
  const headers = new Headers()
  for (const [name, values = []] of Object.entries(headersDistinct))
    for (const value of values) headers.append(name, value)
  return headers
}

async function readBody(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const isCompressed = response.headers['content-encoding'] === 'gzip'
  const decoded = isCompressed ? pipeline(response, createGunzip(), () => undefined) : response
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of decoded) {
    bytes += chunk.byteLength
    if (bytes > maxBytes)
      throw new ResponseTooLargeError(`the response is larger than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
