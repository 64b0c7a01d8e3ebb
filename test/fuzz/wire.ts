/** In charge of sending requests and reading answers: over kept connections, or byte for byte on a connection of its own. */
import { Agent, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { Answer } from '../support/server.ts'
import { readAnswer, readBareAnswer } from './answers.ts'
import type { Sent } from './requests.ts'

/** Longer than any answer may take. */
const answerMs = 20_000

/** Null is a connection that was closed without an answer. */
export type Wire = { send: (sent: Sent) => Promise<Answer | null>; close: () => void }

export function openWire(url: string, connections: number): Wire {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const send = (sent: Sent) => (isKept(sent) ? sendKept(url, agent, sent) : sendBare(url, sent))
  return { send, close: () => agent.destroy() }
}

/** Past it, an answer may come before the body is sent. */
const longBody = 60_000

/** Whether it goes by node:http: what that takes as a path, on a connection that will not be broken off. */
export const isKept = ({ bare, target, body }: Sent) =>
  !bare && /^\/[\x21-\xff]*$/.test(target) && (body?.length ?? 0) < longBody

export function headersOf(url: string, { headers, body, method }: Sent): [string, string][] {
  const has = (name: string) => headers.some(([given]) => given.toLowerCase() === name)
  const host: [string, string][] = has('host') ? [] : [['Host', new URL(url).host]]
  const isLong = body !== undefined || !['GET', 'HEAD'].includes(method)
  return [
    ...host,
    ...headers,
    ...(isLong ? [['Content-Length', String(body?.length ?? 0)] as [string, string]] : []),
  ]
}

function sendKept(url: string, agent: Agent, sent: Sent): Promise<Answer | null> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const asked = request({
      hostname,
      port,
      agent,
      method: sent.method,
      path: sent.target,
      headers: headersOf(url, sent).flat(),
      signal: AbortSignal.timeout(answerMs),
    })
    asked.on('error', (error) => {
      // The server may close a kept connection just as it is used again.
      if (asked.reusedSocket && /ECONNRESET|socket hang up/.test(error.message))
        resolve(sendKept(url, agent, sent))
      else reject(error)
    })
    asked.once('response', (answer) => readKept(answer).then(resolve, reject))
    asked.end(sent.body)
  })
}

async function readKept(answer: IncomingMessage): Promise<Answer> {
  const headers = new Headers()
  for (const [name, value] of Object.entries(answer.headers))
    headers.set(name, [value ?? []].flat().join(', '))
  return readAnswer(answer.statusCode ?? 0, headers, await buffer(answer))
}

/** What came until the connection closed; who is still sending when the answer comes may lose it. */
async function sendBare(url: string, sent: Sent): Promise<Answer | null> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  const pieces: Buffer[] = []
  let late = false
  socket.setTimeout(answerMs, () => {
    late = true
    socket.destroy()
  })
  // It closes then, too.
  socket.on('error', () => undefined)
  socket.on('data', (piece) => pieces.push(piece))
  socket.write(bytesOf(url, sent))
  await new Promise((resolve) => socket.once('close', resolve))
  if (late) throw new Error('no answer came in time')
  const received = Buffer.concat(pieces)
  return received.length === 0 || isLost(sent, received) ? null : readBareAnswer(received)
}

/** Of the answer to a long body nobody read, a part, when the connection broke off before it was taken whole. */
function isLost({ method, body }: Sent, received: Buffer): boolean {
  if ((body?.length ?? 0) < longBody || method === 'HEAD') return false
  const headEnd = received.indexOf('\r\n\r\n')
  const [, length = '0'] =
    /^content-length: (\d+)/im.exec(received.toString('latin1', 0, headEnd)) ?? []
  return headEnd < 0 || received.length - headEnd - 4 < Number(length)
}

/** The head of a request is Latin-1 to HTTP; targets beyond that go as UTF-8. */
export function bytesOf(url: string, sent: Sent): Buffer {
  const lines = headersOf(url, sent).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.concat([
    Buffer.from(`${sent.method} ${sent.target} HTTP/1.1\r\n`),
    Buffer.from(`${lines.join('')}Connection: close\r\n\r\n`, 'latin1'),
    sent.body ?? Buffer.alloc(0),
  ])
}
