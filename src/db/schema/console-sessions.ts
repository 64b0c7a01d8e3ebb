/** Who is signed in to the console. Only hashes of the tokens are stored. */
import { bigint, boolean, index, pgTable, text, timestamp } from 'drizzle-orm/pg-core'
import { apiKeys } from './api-keys.ts'

const instant = () => timestamp({ withTimezone: true, precision: 3 }).notNull()

export const consoleSessions = pgTable(
  'console_sessions',
  {
    /** SHA-256 of the token in hexadecimal. */
    hash: text().primaryKey(),
    key_id: bigint({ mode: 'number' })
      .notNull()
      .references(() => apiKeys.id, { onDelete: 'cascade' }),
    /** A link that starts a session and is used up by it; no session itself. */
    is_link: boolean().notNull().default(false),
    created_at: instant().defaultNow(),
    last_used_at: instant().defaultNow(),
    expires_at: instant(),
  },
  (table) => [
    index('console_sessions_key').on(table.key_id),
    index('console_sessions_expiry').on(table.expires_at),
  ],
)
