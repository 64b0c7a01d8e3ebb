/** In charge of one request and its whole answer: an answer that is cut, short or late is an error. */
import { once } from 'node:events'
import { type Agent, type IncomingHttpHeaders, request } from 'node:http'
import { buffer } from 'node:stream/consumers'

export type Exchanged = { status: number; headers: IncomingHttpHeaders; body: Buffer; ms: number }

export type Asked = {
  method?: string
  headers?: Record<string, string>
  /** Sent as JSON. */
  body?: object
  agent?: Agent
  timeoutMs?: number
}

export async function exchange(
  url: string,
  { method = 'GET', headers = {}, body, agent, timeoutMs = 20_000 }: Asked = {},
): Promise<Exchanged> {
  const began = performance.now()
  const signal = AbortSignal.timeout(timeoutMs)
  const content = body && Buffer.from(JSON.stringify(body))
  const typed = content
    ? { 'Content-Type': 'application/json', 'Content-Length': String(content.length) }
    : {}
  const asked = request(url, { method, signal, agent, headers: { ...headers, ...typed } })
  asked.end(content)
  const [answer] = await once(asked, 'response')
  // What breaks off later is an error of the answer.
  asked.on('error', () => undefined)
  const received = await buffer(answer)
  const length = answer.headers['content-length']
  if (method !== 'HEAD' && length !== undefined && Number(length) !== received.length)
    throw new Error(`${received.length} bytes came where ${length} were announced`)
  const ms = performance.now() - began
  return { status: answer.statusCode, headers: answer.headers, body: received, ms }
}
