/** Columns and checks that several tables share. */
import { type SQL, sql } from 'drizzle-orm'
import {
  type AnyPgColumn,
  boolean,
  check,
  customType,
  jsonb,
  text,
  timestamp,
} from 'drizzle-orm/pg-core'
import type { Warning } from '../../lib/warning.ts'

/** A merchant's own key; ordered by code point, so that order is the same on every server. */
export const merchantId = customType<{ data: string }>({ dataType: () => 'text collate "C"' })

/** White space and control characters that an id may not begin or end with; the same set as JavaScript's `trim`. */
const edge = String.raw`[\s\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]`

/**
 * A merchant's own key: 1 to 255 characters, trimmed, no control characters, and no comma, because
 * ids are comma-joined in the feeds.
 */
export function idCheck(name: string, column: AnyPgColumn) {
  const pattern = String.raw`[\u0001-\u001f\u007f-\u009f\ufffe\uffff,]|^${edge}|${edge}$`
  return check(
    name,
    sql`char_length(${column}) between 1 and 255 and ${column} !~ ${sql.raw(`'${pattern}'`)}`,
  )
}

export function notBlankCheck(name: string, column: AnyPgColumn) {
  return check(name, sql`${column} ~ '[^[:space:]]'`)
}

/** A GTIN-8, -12, -13 or -14 with its check digit; the digits, weighted 1, 3, 1, … from the right, sum to a multiple of ten. */
export function gtinCheck(name: string, column: AnyPgColumn) {
  const digits = Array.from({ length: 14 }, (_, index) => {
    const [at, weight] = [sql.raw(`${index + 1}`), sql.raw(index % 2 ? '1' : '3')]
    return sql`${weight} * substr(lpad(${column}, 14, '0'), ${at}, 1)::int`
  })
  return check(
    name,
    sql`case when ${column} ~ '^([0-9]{8}|[0-9]{12,14})$' then (${sql.join(digits, sql` + `)}) % 10 = 0 else ${column} is null end`,
  )
}

/**
 * Metadata keys become keys of a feed item, so they must be XML names and none of the item's own;
 * values are single texts, numbers or booleans.
 */
export function flatMetadataCheck(
  name: string,
  column: AnyPgColumn,
  reserved: readonly string[],
): ReturnType<typeof check> {
  const fault = `strict $.keyvalue() ? (!(@.key like_regex "^[A-Za-z][A-Za-z0-9_]{0,254}$") || @.key like_regex "^(${reserved.join('|')})$" || @.value.type() == "object" || @.value.type() == "array" || @.value.type() == "null" || (@.value.type() == "number" && (@.value > 1e300 || @.value < -1e300)))`
  const path: SQL = sql.raw(`'${fault}'`)
  return check(
    name,
    sql`jsonb_typeof(${column}) = 'object' and not jsonb_path_exists(${column}, ${path})`,
  )
}

/** The key of a table of one row. */
export const oneRow = () => boolean().primaryKey().default(true)
export const oneRowCheck = (name: string, column: AnyPgColumn) => check(name, sql`${column}`)
/** When something happened, as REST takes it: after 1990 and at most a year, and a day for clocks that differ, after it was written. */
export function eventTimeCheck(name: string, column: AnyPgColumn, created: AnyPgColumn) {
  return check(
    name,
    sql`${column} >= '1991-01-01T00:00:00Z' and ${column} <= ${created} + interval '367 days'`,
  )
}

/** Times that an ISO 8601 text with a year of four digits can say; neither infinite nor BC. */
export function ordinaryTimeCheck(name: string, ...columns: AnyPgColumn[]) {
  const ordinary = columns.map(
    (column) => sql`${column} between '1991-01-01T00:00:00Z' and '9998-01-01T00:00:00Z'`,
  )
  return check(name, sql.join(ordinary, sql` and `))
}

export const timestamps = () => ({
  created_at: timestamp({ withTimezone: true, precision: 3 }).notNull().defaultNow(),
  updated_at: timestamp({ withTimezone: true, precision: 3 }).notNull().defaultNow(),
})

export const noWarnings = () => jsonb().$type<Warning[]>().notNull().default([])

export const emptyTexts = () => text().array().notNull().default([])
