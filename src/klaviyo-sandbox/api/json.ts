import type { Context } from 'hono'
import type { z } from 'zod'
import type { ErrorCode, ErrorDetail, SandboxEnv } from './errors.ts'

export type JsonObject = Record<string, unknown>

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Undefined when the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

type Body<T> = { ok: true; value: T } | { ok: false; code: ErrorCode; details: ErrorDetail[] }

/**
 * Reads and validates a JSON:API body; errors have Klaviyo's wording and pointers.
 * A body whose content-length exceeds `maxBytes` is not read at all.
 */
export async function readBody<Schema extends z.ZodType>(
  c: Context<SandboxEnv>,
  schema: Schema,
  maxBytes: number,
): Promise<Body<z.output<Schema>>> {
  const declaredBytes = Number(c.req.header('content-length') ?? 0)
  const text = declaredBytes > maxBytes ? null : await c.req.text()
  if (text === null || Buffer.byteLength(text) > maxBytes)
    return invalid('payload_too_large', [
      { detail: `The body must not exceed ${maxBytes} bytes.`, pointer: '/data' },
    ])
  const json = parseJson(text)
  if (json === undefined)
    return invalid('invalid', [{ detail: 'Invalid JSON body.', pointer: '/data' }])
  const parsed = schema.safeParse(json, { error: messageOf })
  return parsed.success
    ? { ok: true, value: parsed.data }
    : invalid(
        'invalid',
        parsed.error.issues.flatMap((issue) => detailsOf(issue)),
      )
}

function invalid(code: ErrorCode, details: ErrorDetail[]) {
  return { ok: false as const, code, details }
}

function messageOf(issue: z.core.$ZodRawIssue): string | undefined {
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
