/** In charge of reading a JSON:API body: what is wrong with it comes back in Klaviyo's words, with pointers. */
import type { Context } from 'hono'
import type { z } from 'zod'
import type { ErrorDetail, ErrorKind, SandboxEnv } from './errors.ts'

export type Body<T> =
  | { ok: true; value: T }
  | { ok: false; kind: ErrorKind; details: ErrorDetail[] }

/** `maxBytes` is Klaviyo's limit of the body; one that announces more is not read at all. */
export async function readBody<Schema extends z.ZodType>(
  c: Context<SandboxEnv>,
  schema: Schema,
  maxBytes: number,
): Promise<Body<z.output<Schema>>> {
  const announcedBytes = Number(c.req.header('content-length') ?? 0)
  const text = announcedBytes > maxBytes ? null : await c.req.text()
  if (text === null || Buffer.byteLength(text) > maxBytes)
    return bad('payload_too_large', [
      { detail: `The body must not exceed ${maxBytes} bytes.`, pointer: '/data' },
    ])
  const json = parseJson(text)
  if (json === undefined)
    return bad('invalid', [{ detail: 'Invalid JSON body.', pointer: '/data' }])
  const read = schema.safeParse(json, { error: wordingOf })
  return read.success
    ? { ok: true, value: read.data }
    : bad(
        'invalid',
        read.error.issues.flatMap((issue) => detailsOf(issue)),
      )
}

/** Undefined when the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function bad(kind: ErrorKind, details: ErrorDetail[]) {
  return { ok: false as const, kind, details }
}

function wordingOf(issue: z.core.$ZodRawIssue): string | undefined {
  return issue.input === undefined
    ? `'${String(issue.path?.at(-1))}' is a required field.`
    : undefined
}

function detailsOf(issue: z.core.$ZodIssue): ErrorDetail[] {
  if (issue.code !== 'unrecognized_keys')
    return [{ detail: issue.message, pointer: pointerOf(issue.path) }]
  return issue.keys.map((key) => ({
    detail: `'${key}' is not a valid field.`,
    pointer: pointerOf([...issue.path, key]),
  }))
}

/** RFC 6901. */
function pointerOf(path: PropertyKey[]): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}
