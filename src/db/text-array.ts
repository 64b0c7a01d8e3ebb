/** In charge of handing a list of texts to Postgres: as JSON, which needs no knowledge of its array types. */
import { type SQL, sql } from 'drizzle-orm'

/** A `text[]`, for `= any(…)` or as the argument of a function. */
export function textArray(texts: readonly string[]): SQL {
  return sql`array(select jsonb_array_elements_text(${JSON.stringify(texts)}::jsonb))`
}
