/** The id of a request, and its place in the caller's trace (W3C Trace Context). */
import { randomBytes, randomUUID } from 'node:crypto'

type Header = string | string[] | undefined

export type RequestContext = {
  /** For every log line about the request. */
  log: { request: string; trace_id?: string; span_id?: string; parent_id?: string }
  /** For its response, so that the client can find those lines. */
  headers: [name: string, value: string][]
}

/** A plain id from the client is kept, so that logs of several servers can be joined. */
const plainId = /^[\w.:+/=-]{1,128}$/

/** Invalid headers are ignored. */
export function requestContext(givenId: Header, traceparent: Header): RequestContext {
  const request = typeof givenId === 'string' && plainId.test(givenId) ? givenId : randomUUID()
  const trace = readTrace(traceparent)
  if (!trace) return { log: { request }, headers: [['X-Request-Id', request]] }
  const { trace_id, parent_id, flags } = trace
  const span_id = randomBytes(8).toString('hex')
  return {
    log: { request, trace_id, span_id, parent_id },
    headers: [
      ['X-Request-Id', request],
      ['traceparent', `00-${trace_id}-${span_id}-${flags}`],
    ],
  }
}

type Trace = { trace_id: string; parent_id: string; flags: '00' | '01' }

/** Future versions may append fields; version ff and ids of zeros are invalid. */
const fields =
  /^(?!ff)([\da-f]{2})-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(-.*)?$/

function readTrace(header: Header): Trace | undefined {
  if (typeof header !== 'string') return undefined
  const [, version, trace_id, parent_id, flags = '', more] = fields.exec(header.trim()) ?? []
  if (!trace_id || !parent_id || (version === '00' && more !== undefined)) return undefined
  // Only the flag "sampled" is defined.
  return { trace_id, parent_id, flags: Number.parseInt(flags, 16) & 1 ? '01' : '00' }
}
