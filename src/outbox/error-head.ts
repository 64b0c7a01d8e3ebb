import { sql } from 'drizzle-orm'

/** One more than is shown, so that it is known whether a text was cut. */
export const headCharacters = 301

/** The beginning of a message's error: what errors are told apart by. */
export const errorHead = sql`left(error, ${sql.raw(String(headCharacters))})`
