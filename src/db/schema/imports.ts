/** Files that came by REST: kept for a day, checked, and applied once. */
import { sql } from 'drizzle-orm'
import {
  check,
  customType,
  index,
  integer,
  json,
  jsonb,
  pgTable,
  text,
  timestamp,
} from 'drizzle-orm/pg-core'

const bytes = customType<{ data: Buffer }>({ dataType: () => 'bytea' })
const instant = () => timestamp({ withTimezone: true, precision: 3 })

export const importStatuses = [
  'checking',
  'checked',
  'refused',
  'applying',
  'applied',
  'interrupted',
] as const

export const imports = pgTable(
  'imports',
  {
    id: text().primaryKey(),
    kind: text().notNull(),
    /** As given in the query. */
    options: jsonb().notNull(),
    /** The file as it was sent; null once it is applied. */
    content: bytes(),
    status: text().notNull(),
    /** Of the check or application in progress: another one takes over by a new value. */
    run: text().notNull(),
    /** Written again and again while the run is alive. */
    touched_at: instant().notNull().defaultNow(),
    rows: integer(),
    done: integer().notNull().default(0),
    /** What the last run found out: counts, columns, changes, rejects; null until a check is complete. Keeps the order of fields. */
    result: json(),
    /** The rejects as a file. */
    rejects: text(),
    /** Why it was refused or interrupted. */
    error: text(),
    created_at: instant().notNull().defaultNow(),
    applied_at: instant(),
  },
  (table) => [
    index('imports_created').on(table.created_at),
    check(
      'imports_status',
      sql`${table.status} in ('checking', 'checked', 'refused', 'applying', 'applied', 'interrupted')`,
    ),
  ],
)
