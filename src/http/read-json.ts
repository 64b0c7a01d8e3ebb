/** Reads a JSON body: its sizes are checked before it is parsed. */
import type { Context } from 'hono'
import { AppError } from '../lib/errors.ts'
import { measureJson } from '../lib/json-size.ts'
import { bodyTooLarge } from './body-limit.ts'
import { maxBodyBytes } from './limits.ts'

export type JsonBody = {
  value: unknown
  /** How many values it holds, those in lists and objects included. */
  size: number
}

/** So many values are validated and written within a fraction of a second. */
const maxValues = 50_000
const maxDepth = 10_000
/** Of one object; no schema takes more. */
const maxKeys = 1_000

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
  const { values, depth } = await measureJson(bytes)
  if (depth > maxDepth)
    throw new AppError(
      'malformed',
      `The body may be nested at most ${maxDepth.toLocaleString('en')} deep.`,
    )
  if (values > maxValues)
    throw new AppError(
      'too_large',
      `The body may hold at most ${maxValues.toLocaleString('en')} values, those in lists included; this one holds ${values.toLocaleString('en')}. Send it in several requests.`,
    )
  const value = parse(bytes)
  checkObjects(value)
  return { value, size: values }
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

/**
 * `__proto__` is the only key that the schemas ignore silently; objects of very many keys take long to validate. Without
 * recursion: nesting must not exhaust the stack.
 */
function checkObjects(value: unknown): void {
  const pending = [value]
  for (const one of pending) {
    if (typeof one !== 'object' || one === null) continue
    if (Object.hasOwn(one, '__proto__'))
      throw new AppError('invalid', 'Invalid fields: __proto__.', [
        { field: '__proto__', detail: 'unknown field' },
      ])
    const inner = Object.values(one)
    if (!Array.isArray(one) && inner.length > maxKeys)
      throw new AppError(
        'invalid',
        `An object may have at most ${maxKeys.toLocaleString('en')} keys; one of the body has ${inner.length.toLocaleString('en')}.`,
      )
    for (const next of inner) pending.push(next)
  }
}
