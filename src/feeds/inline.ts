/** In charge of the values that stand in a query's own text: a query without parameters takes one round trip, not two. */
import { type SQL, sql } from 'drizzle-orm'
import type { FeedFormat, FeedName } from '../db/schema/feeds.ts'

/** Only words of ours, never of a caller. */
export const inlineWord = (word: FeedName | FeedFormat): SQL => sql.raw(`'${word}'`)

export const inlineNumbers = (numbers: readonly number[]): SQL =>
  sql.raw(numbers.map(Number).join(', '))
