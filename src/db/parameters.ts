/** Query parameters that need no knowledge of the driver's types. */
import { type SQL, sql } from 'drizzle-orm'

/** A `text[]`, for `= any(…)` or as the argument of a function. */
export function textArray(texts: readonly string[]): SQL {
  return sql`array(select jsonb_array_elements_text(${JSON.stringify(texts)}::jsonb))`
}

/** An ISO 8601 time with an offset, as a number: Postgres reads neither the year 0 nor every offset that ISO 8601 allows. */
export const timestamp = (time: string): SQL =>
  sql`to_timestamp(${Date.parse(time)}::float8 / 1000)`
