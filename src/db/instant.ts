/** In charge of handing an instant to Postgres: as a number, for it reads neither the year 0 nor every offset that ISO 8601 allows. */
import { type SQL, sql } from 'drizzle-orm'

/** Of ISO 8601 with an offset, to the millisecond. */
export const timestamp = (instant: string): SQL =>
  sql`to_timestamp(${Date.parse(instant)}::float8 / 1000)`
