/** In charge of reading answers: unpacked, parsed, and from the bare bytes of a connection. */
import { gunzipSync } from 'node:zlib'
import type { Answer } from '../support/server.ts'

export function readAnswer(status: number, headers: Headers, bytes: Buffer): Answer {
  const packed = headers.get('Content-Encoding') === 'gzip' && bytes.length > 0
  const text = (packed ? gunzipSync(bytes) : bytes).toString()
  const isJson = /json/.test(headers.get('Content-Type') ?? '')
  return { status, headers, text, body: isJson && text !== '' ? JSON.parse(text) : undefined }
}

/** The one answer on a connection that was closed after it; what came before it, such as a 100, is skipped. */
export function readBareAnswer(bytes: Buffer): Answer {
  const end = bytes.indexOf('\r\n\r\n')
  const [first = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n')
  const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(first) ?? []
  if (end < 0 || status === undefined)
    throw new Error(`no answer of HTTP: ${bytes.toString('latin1')}`)
  const rest = bytes.subarray(end + 4)
  if (Number(status) < 200) return readBareAnswer(rest)
  const headers = new Headers()
  for (const line of lines) {
    const colon = line.indexOf(':')
    headers.append(line.slice(0, colon), line.slice(colon + 1).trim())
  }
  const isChunked = headers.get('Transfer-Encoding') === 'chunked'
  return readAnswer(Number(status), headers, isChunked ? unchunked(rest) : rest)
}

function unchunked(bytes: Buffer): Buffer {
  const pieces: Buffer[] = []
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at)
    const size = Number.parseInt(bytes.subarray(at, lineEnd).toString(), 16)
    if (lineEnd < 0 || Number.isNaN(size)) throw new Error('an answer broke off')
    if (size === 0) return Buffer.concat(pieces)
    pieces.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size))
    at = lineEnd + 2 + size + 2
  }
}
