/** In charge of the HTTP server itself: what it bears of clients that are slow, too large, or not to be understood. */
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
  const readers = enforceMinTransferRate(limits)
  const options = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.idleMs,
    connectionsCheckingInterval: limits.checkMs,
  }
  const server = createServer(options, (request, response) => {
    readers.watch(response)
    if ((request.url ?? '').length > limits.urlLength) refuseUrl(response, limits)
    else listener(request, response)
  })
  server.maxConnections = limits.connections
  server.setTimeout(limits.stallMs, readers.stalled)
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (socket.writable && !readers.isAnswering(socket))
      refuse(socket, refusalOf(error), isHead(error))
    else socket.destroy()
  })
  server.once('close', readers.stop)
  return server
}

/** What node could not make a request of. */
function refusalOf({ code }: NodeJS.ErrnoException): AppError {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new AppError('request_timeout', 'The request did not come whole in time.')
  if (code === 'HPE_HEADER_OVERFLOW')
    return new AppError('headers_too_large', 'The headers may hold at most 16 kB.')
  return new AppError('malformed', 'The request is not to be understood as HTTP.')
}

function refuseUrl(response: ServerResponse, { urlLength }: Limits): void {
  const { status, headers, body } = lastAnswer(
    new AppError('uri_too_long', `A URL may have at most ${urlLength} characters.`),
  )
  response.writeHead(status, headers).end(body)
}

/** How long a refused client may take to hear of it. */
const lingerMs = 1_000

/** By what came last; a body after the answer to HEAD would be taken for another answer. */
const isHead = (error: object) =>
  'rawPacket' in error &&
  Buffer.isBuffer(error.rawPacket) &&
  error.rawPacket.toString('latin1', 0, 5) === 'HEAD '

/** There is no request, so the answer is written by hand. */
function refuse(socket: Duplex, refusal: AppError, bodiless: boolean): void {
  const { status, headers, body } = lastAnswer(refusal)
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${bodiless ? '' : body}`,
  )
  setTimeout(() => socket.destroy(), lingerMs).unref()
}

/** The last on its connection. */
function lastAnswer(refusal: AppError): RenderedProblem {
  const { status, headers, body } = renderProblem(refusal)
  const length = String(Buffer.byteLength(body))
  return { status, headers: { ...headers, 'Content-Length': length, Connection: 'close' }, body }
}
