/** The HTTP server with its limits on slow clients, large requests and malformed ones. */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http'
import type { Duplex } from 'node:stream'
import { AppError } from '../lib/errors.ts'
import type { Limits } from './limits.ts'
import { enforceMinTransferRate } from './min-transfer-rate.ts'
import { type RenderedProblem, renderProblem } from './problem.ts'

export type Listener = (request: IncomingMessage, response: ServerResponse) => void

export function createHttpServer(listener: Listener, limits: Limits): Server {
  const transfers = enforceMinTransferRate(limits)
  const options = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.idleMs,
    connectionsCheckingInterval: limits.checkMs,
  }
  const server = createServer(options, (request, response) => {
    transfers.watch(response)
    request.url = originForm(request.url ?? '')
    if (request.url.length > limits.urlLength) rejectUrl(response, limits)
    // About the server as a whole (RFC 9110, 9.3.7).
    else if (request.url === '*' && request.method === 'OPTIONS') response.writeHead(204).end()
    else listener(request, response)
  })
  server.maxConnections = limits.connections
  server.setTimeout(limits.stallMs, transfers.stalled)
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (socket.writable && !transfers.isAnswering(socket))
      reject(socket, requestError(error), isHead(error))
    else socket.destroy()
  })
  server.once('close', transfers.stop)
  return server
}

/** A server must also accept `GET http://host/path` (RFC 9112, 3.2.2), which clients send to proxies. */
const originForm = (target: string) => {
  if (target.startsWith('/')) return target
  const [, path] = /^https?:\/\/[^/?#]*(.*)$/is.exec(target) ?? []
  return path === undefined || path.startsWith('/') ? (path ?? target) : `/${path}`
}

/** For what Node could not parse as a request. */
function requestError({ code }: NodeJS.ErrnoException): AppError {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new AppError('request_timeout', 'The request did not arrive completely in time.')
  if (code === 'HPE_HEADER_OVERFLOW')
    return new AppError('headers_too_large', 'The headers may hold at most 16 kB.')
  return new AppError('malformed', 'The request is not valid HTTP.')
}

function rejectUrl(response: ServerResponse, { urlLength }: Limits): void {
  const { status, headers, body } = finalResponse(
    new AppError('uri_too_long', `A URL may have at most ${urlLength} characters.`),
  )
  response.writeHead(status, headers).end(body)
}

/** How long the client may take to read the error. */
const lingerMs = 1_000

/** By the last packet; a body in response to HEAD would be taken for another response. */
const isHead = (error: object) =>
  'rawPacket' in error &&
  Buffer.isBuffer(error.rawPacket) &&
  error.rawPacket.toString('latin1', 0, 5) === 'HEAD '

/** There is no request, so the response is written by hand. */
function reject(socket: Duplex, error: AppError, bodiless: boolean): void {
  const { status, headers, body } = finalResponse(error)
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${bodiless ? '' : body}`,
  )
  setTimeout(() => socket.destroy(), lingerMs).unref()
}

function finalResponse(error: AppError): RenderedProblem {
  const { status, headers, body } = renderProblem(error)
  const length = String(Buffer.byteLength(body))
  return { status, headers: { ...headers, 'Content-Length': length, Connection: 'close' }, body }
}
