/** What a request says beside its path and body. */
import type { Context } from 'hono'
import { z } from 'zod'

/** A parameter that is a list may be given several times. */
export function readQuery({ shape }: z.ZodObject, c: Context): Record<string, unknown> {
  const lists = Object.entries(c.req.queries()).filter(([name]) => isList(shape[name]))
  return { ...c.req.query(), ...Object.fromEntries(lists) }
}

function isList(schema: unknown): boolean {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault)
    return isList(schema.unwrap())
  return schema instanceof z.ZodArray
}

/** A list of ETags, or `*`. Weak ones never match (RFC 9110, 13.1.1). */
export function readIfMatch(header: string | undefined): string[] | undefined {
  return header?.split(',').map((tag) => tag.trim().replace(/^"([^*]*)"$/, '$1'))
}
