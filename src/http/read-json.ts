/** Reads a JSON body: its sizes are checked before it is parsed. */
import type { Context } from 'hono'
import { AppError } from '../lib/errors.ts'
import { measureJson, objectFault, sizeFault } from '../lib/json-size.ts'
import { bodyTooLarge } from './body-limit.ts'
import { maxBodyBytes } from './limits.ts'

export type JsonBody = {
  value: unknown
  /** How many values it holds, those in lists and objects included. */
  size: number
}

/** `application/json`, or any JSON type such as `application/merge-patch+json`. */
const jsonType = /^application\/([\w.-]+\+)?json\s*(;|$)/i

/** `mayBeEmpty`: no body at all is undefined. */
export async function readJson(c: Context, mayBeEmpty = false): Promise<JsonBody> {
  const first = mayBeEmpty ? await readBytes(c) : undefined
  if (first?.byteLength === 0) return { value: undefined, size: 0 }
  if (!jsonType.test(c.req.header('Content-Type') ?? '')) {
    throw new AppError(
      'unsupported_media_type',
      'The body must be JSON, sent as Content-Type: application/json.',
    )
  }
  const bytes = first ?? (await readBytes(c))
  const size = await measureJson(bytes)
  const tooLarge = sizeFault('The body', size, 'Send it in several requests.')
  if (tooLarge) throw tooLarge
  const value = parse(bytes)
  const fault = objectFault('the body', value)
  if (fault) throw fault
  return { value, size: size.values }
}

/** A body of one of the media types, as it is. */
export async function readFile(types: readonly string[], c: Context): Promise<Buffer> {
  const [given = ''] = (c.req.header('Content-Type') ?? '').split(';')
  if (!types.includes(given.trim().toLowerCase()))
    throw new AppError(
      'unsupported_media_type',
      `The body must be a file, sent as Content-Type: ${types.join(' or ')}.`,
    )
  return Buffer.from(await readBytes(c))
}

/** Node enforces Content-Length, so only chunked bodies are counted. */
async function readBytes(c: Context): Promise<Uint8Array> {
  try {
    if (c.req.header('Transfer-Encoding') === undefined)
      return new Uint8Array(await c.req.arrayBuffer())
    const chunks: Uint8Array[] = []
    let length = 0
    for await (const chunk of c.req.raw.body ?? []) {
      length += chunk.byteLength
      if (length > maxBodyBytes) throw bodyTooLarge()
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  } catch (error) {
    if (error instanceof AppError) throw error
    throw new AppError('malformed', 'The request body was truncated.')
  }
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw new AppError(
      'malformed',
      `The body is not valid JSON in UTF-8: ${error instanceof Error ? error.message : ''}`,
    )
  }
}
