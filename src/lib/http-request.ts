/** The only file that sends requests to other servers. */
import { TimeoutError, withTimeout } from './with-timeout.ts'

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

const timedOut = () => new TimeoutError('the request timed out')

/**
 * Throws when the network fails, the time is over or the body is too large; whatever happens, the connection is then
 * free or closed. The timer is our own: fetch holds its signal by a weak reference only, so an abort may be lost to
 * garbage collection while the body is still arriving.
 */
export async function sendRequest(
  url: string,
  init: Omit<RequestInit, 'signal'>,
  { timeoutMs, maxBytes }: HttpLimits,
): Promise<HttpResponse> {
  const started = performance.now()
  const controller = new AbortController()
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  const receive = async (): Promise<HttpResponse> => {
    const response = await fetch(url, { ...init, signal: controller.signal })
    const waitedMs = performance.now() - started
    reader = response.body?.getReader()
    // The time may have been over before there was a body to cancel.
    if (controller.signal.aborted) await reader?.cancel()
    const { status, headers } = response
    return { status, headers, body: await readBody(reader, maxBytes), waitedMs }
  }
  const received = receive()
  try {
    return await withTimeout(received, timeoutMs, timedOut)
  } finally {
    controller.abort()
    // Of a body that was read this does nothing; another one is given up.
    reader?.cancel().catch(() => undefined)
    received.catch(() => undefined)
  }
}

async function readBody(
  reader: ReadableStreamDefaultReader<Uint8Array> | undefined,
  maxBytes: number,
): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for (;;) {
    const next = await reader?.read()
    if (!next || next.done) return Buffer.concat(chunks)
    bytes += next.value.byteLength
    if (bytes > maxBytes)
      throw new ResponseTooLargeError(`the response is larger than ${maxBytes} bytes`)
    chunks.push(next.value)
  }
}
