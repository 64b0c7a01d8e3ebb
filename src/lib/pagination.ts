/** Cursor pagination: query parameters, and the cursor. */
import { z } from 'zod'
import { AppError } from './errors.ts'
import { instant } from './fields.ts'

export type Page = { cursor?: string | undefined; limit: number }

export const booleanQuery = z
  .enum(['true', 'false'], 'must be true or false')
  .transform((value) => value === 'true')
  .optional()

export const pageQuery = {
  cursor: z
    .string()
    .max(4000)
    .optional()
    .meta({ description: 'The next_cursor of the previous page' }),
  limit: z.coerce.number('must be a number').int().min(1).max(1000).default(100),
}

/** Opaque to the client: the id of the last record of a page. */
export const writeCursor = (id: string) => Buffer.from(id).toString('base64url')

export function readCursor(cursor: string): string {
  const id = Buffer.from(cursor, 'base64url').toString()
  if (writeCursor(id) === cursor && !id.includes('\0')) return id
  return invalidCursor()
}

export function invalidCursor(): never {
  throw new AppError('invalid', 'The cursor is invalid.', [
    { field: 'cursor', detail: 'must be the next_cursor of a previous page of the same list' },
  ])
}

/** Of a list by time, newest first: the time and the id of the last record of a page. */
export const writeTimeCursor = (sort: string, time: string, id: string | number) =>
  writeCursor([sort, time, id].join(','))

export function readTimeCursor(cursor: string, sort: string): { time: string; id: string } {
  const [given, time = '', id = '', ...others] = readCursor(cursor).split(',')
  if (given === sort && others.length === 0 && id !== '' && instant.safeParse(time).success)
    return { time, id }
  return invalidCursor()
}
