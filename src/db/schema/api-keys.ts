/** API keys, as hashes only. */
import { sql } from 'drizzle-orm'
import { bigint, check, pgTable, text, timestamp } from 'drizzle-orm/pg-core'

export const scopes = ['feeds', 'read', 'write', 'admin'] as const
export type Scope = (typeof scopes)[number]

export const apiKeys = pgTable(
  'api_keys',
  {
    id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    name: text().notNull(),
    /** SHA-256 of the key in hexadecimal: keys are 256 random bits, so nothing slower is needed. */
    hash: text().notNull().unique(),
    scopes: text({ enum: scopes }).array().notNull(),
    created_at: timestamp({ withTimezone: true, precision: 3 }).notNull().defaultNow(),
    last_used_at: timestamp({ withTimezone: true, precision: 3 }),
    revoked_at: timestamp({ withTimezone: true, precision: 3 }),
  },
  (table) => [
    check(
      'api_keys_scopes_known',
      sql`${table.scopes} <@ array['feeds', 'read', 'write', 'admin'] and cardinality(${table.scopes}) > 0`,
    ),
  ],
)
