/** Parses responses: from node:http, and from the raw bytes of a connection. */
import { gunzipSync } from 'node:zlib'
import type { Answer } from '../support/server.ts'

export function parseResponse(status: number, headers: Headers, bytes: Buffer): Answer {
  const isGzip = headers.get('Content-Encoding') === 'gzip' && bytes.length > 0
  const text = (isGzip ? gunzipSync(bytes) : bytes).toString()
  const isJson = /[/+]json/.test(headers.get('Content-Type') ?? '')
  return { status, headers, text, body: isJson && text !== '' ? JSON.parse(text) : undefined }
}

/** The response on a connection that was closed after it; interim responses such as 100 are skipped. */
export function parseRawResponse(bytes: Buffer): Answer {
  const end = bytes.indexOf('\r\n\r\n')
  const [first = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n')
  const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(first) ?? []
  if (end < 0 || status === undefined)
    throw new Error(`not an HTTP response: ${bytes.toString('latin1')}`)
  const rest = bytes.subarray(end + 4)
  if (Number(status) < 200) return parseRawResponse(rest)
  const headers = new Headers()
  for (const line of lines) {
    const colon = line.indexOf(':')
    headers.append(line.slice(0, colon), line.slice(colon + 1).trim())
  }
  const isChunked = headers.get('Transfer-Encoding') === 'chunked'
  return parseResponse(Number(status), headers, isChunked ? decodeChunks(rest) : rest)
}

function decodeChunks(bytes: Buffer): Buffer {
  const chunks: Buffer[] = []
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at)
    const size = Number.parseInt(bytes.subarray(at, lineEnd).toString(), 16)
    if (lineEnd < 0 || Number.isNaN(size)) throw new Error('the response is truncated')
    if (size === 0) return Buffer.concat(chunks)
    chunks.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size))
    at = lineEnd + 2 + size + 2
  }
}
