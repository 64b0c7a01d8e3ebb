/** HTTP requests whose responses must arrive whole: a truncated, short or late one is an error. */
import { once } from 'node:events'
import { type Agent, type IncomingHttpHeaders, request } from 'node:http'
import { buffer } from 'node:stream/consumers'
import type { SupervisedServer } from './supervisor.ts'

export type HttpResponse = {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
  ms: number
}

type RequestOptions = {
  method?: string
  headers?: Record<string, string>
  /** Sent as JSON. */
  body?: object
  agent?: Agent
  timeoutMs?: number
}

export async function sendRequest(
  url: string,
  { method = 'GET', headers = {}, body, agent, timeoutMs = 20_000 }: RequestOptions = {},
): Promise<HttpResponse> {
  const startedAt = performance.now()
  const signal = AbortSignal.timeout(timeoutMs)
  const content = body && Buffer.from(JSON.stringify(body))
  const contentHeaders = content
    ? { 'Content-Type': 'application/json', 'Content-Length': String(content.length) }
    : {}
  const sent = request(url, { method, signal, agent, headers: { ...headers, ...contentHeaders } })
  sent.end(content)
  const [response] = await once(sent, 'response')
  // A later failure is reported as an error of the response.
  sent.on('error', () => undefined)
  const received = await buffer(response)
  const length = response.headers['content-length']
  if (method !== 'HEAD' && length !== undefined && Number(length) !== received.length)
    throw new Error(`received ${received.length} bytes, but Content-Length was ${length}`)
  const ms = performance.now() - startedAt
  return { status: response.statusCode, headers: response.headers, body: received, ms }
}

/** Undefined when the server was down or died meanwhile. Throws when it was up and did not respond properly. */
export async function requestServer(
  server: SupervisedServer,
  path: string,
  options: RequestOptions,
): Promise<HttpResponse | undefined> {
  const generation = server.generation()
  try {
    return await sendRequest(server.url + path, options)
  } catch (error) {
    if (generation === 0 || server.generation() !== generation) return undefined
    throw error
  }
}
