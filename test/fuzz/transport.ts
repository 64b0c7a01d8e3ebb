/** Sends requests: over keep-alive connections, or byte for byte on a connection of their own. */
import { Agent, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { Answer } from '../support/server.ts'
import type { FuzzRequest } from './requests.ts'
import { parseRawResponse, parseResponse } from './responses.ts'

const responseTimeoutMs = 20_000

/** Null: the connection was closed without a response. */
export type Transport = { send: (sent: FuzzRequest) => Promise<Answer | null>; close: () => void }

export function createTransport(url: string, connections: number): Transport {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const send = (sent: FuzzRequest) =>
    usesKeepAlive(sent) ? sendKeepAlive(url, agent, sent) : sendRaw(url, sent)
  return { send, close: () => agent.destroy() }
}

/** The response to a longer body may come before the body is sent. */
const longBodyBytes = 60_000

/** Whether node:http can send it: a path that it accepts, and a body that the server reads to its end. */
export const usesKeepAlive = ({ raw, target, body }: FuzzRequest) =>
  !raw && /^\/[\x21-\xff]*$/.test(target) && (body?.length ?? 0) < longBodyBytes

export function headersOf(url: string, { headers, body, method }: FuzzRequest): [string, string][] {
  const has = (name: string) => headers.some(([given]) => given.toLowerCase() === name)
  const host: [string, string][] = has('host') ? [] : [['Host', new URL(url).host]]
  const hasLength = body !== undefined || !['GET', 'HEAD'].includes(method)
  return [
    ...host,
    ...headers,
    ...(hasLength ? [['Content-Length', String(body?.length ?? 0)] as [string, string]] : []),
  ]
}

function sendKeepAlive(url: string, agent: Agent, sent: FuzzRequest): Promise<Answer | null> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const outgoing = request({
      hostname,
      port,
      agent,
      method: sent.method,
      path: sent.target,
      headers: headersOf(url, sent).flat(),
      signal: AbortSignal.timeout(responseTimeoutMs),
    })
    outgoing.on('error', (error) => {
      // The server may close an idle connection just as it is reused.
      if (outgoing.reusedSocket && /ECONNRESET|socket hang up/.test(error.message))
        resolve(sendKeepAlive(url, agent, sent))
      else reject(error)
    })
    outgoing.once('response', (answer) => readResponse(answer).then(resolve, reject))
    outgoing.end(sent.body)
  })
}

async function readResponse(answer: IncomingMessage): Promise<Answer> {
  const headers = new Headers()
  for (const [name, value] of Object.entries(answer.headers))
    headers.set(name, [value ?? []].flat().join(', '))
  return parseResponse(answer.statusCode ?? 0, headers, await buffer(answer))
}

/** Reads until the connection closes. A client that is still sending when the response comes may lose it. */
async function sendRaw(url: string, sent: FuzzRequest): Promise<Answer | null> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  const chunks: Buffer[] = []
  let timedOut = false
  socket.setTimeout(responseTimeoutMs, () => {
    timedOut = true
    socket.destroy()
  })
  // A close event follows.
  socket.on('error', () => undefined)
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.write(encodeRequest(url, sent))
  await new Promise((resolve) => socket.once('close', resolve))
  if (timedOut) throw new Error('the response timed out')
  const received = Buffer.concat(chunks)
  return received.length === 0 || isLost(sent, received) ? null : parseRawResponse(received)
}

/** Whether the connection was reset while a long body was being sent, so that the response is incomplete. */
function isLost({ method, body }: FuzzRequest, received: Buffer): boolean {
  if ((body?.length ?? 0) < longBodyBytes || method === 'HEAD') return false
  const headEnd = received.indexOf('\r\n\r\n')
  const [, length = '0'] =
    /^content-length: (\d+)/im.exec(received.toString('latin1', 0, headEnd)) ?? []
  return headEnd < 0 || received.length - headEnd - 4 < Number(length)
}

/** Headers are Latin-1; the target is UTF-8. */
export function encodeRequest(url: string, sent: FuzzRequest): Buffer {
  const lines = headersOf(url, sent).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.concat([
    Buffer.from(`${sent.method} ${sent.target} HTTP/1.1\r\n`),
    Buffer.from(`${lines.join('')}Connection: close\r\n\r\n`, 'latin1'),
    sent.body ?? Buffer.alloc(0),
  ])
}
