/** The orders in which records can be listed, and the cursors of their pages. */
import { type SQL, sql } from 'drizzle-orm'
import { invalidCursor, readCursor, writeCursor } from '../lib/pagination.ts'

type Order = {
  /** Never null, so that rows compare. */
  by: SQL
  descending?: boolean
  /** What a cursor holds of the last row, instead of `by`. */
  position?: SQL
  /** A position as a value that compares with `by`; undefined when it is none. */
  read: (position: string) => SQL | undefined
}

const epoch = sql`timestamptz 'epoch'`

const price = (missing: string) => ({
  by: sql`coalesce(t.price, ${sql.raw(`'${missing}'`)})`,
  read: (position: string) =>
    /^-?\d{1,10}(\.\d{1,4})?$|^Infinity$/.test(position) ? sql`${position}::numeric` : undefined,
})

/** Whatever the direction, records without a price come last. */
const orders = {
  '-updated_at': {
    by: sql`t.updated_at`,
    descending: true,
    position: sql`(extract(epoch from t.updated_at) * 1000000)::bigint`,
    read: (microseconds) =>
      /^-?\d{1,17}$/.test(microseconds)
        ? sql`${epoch} + ${microseconds}::bigint * interval '1 microsecond'`
        : undefined,
  },
  // A cursor is part of a URL.
  title: { by: sql`left(t.title, 200)`, read: (title) => sql`${title}::text` },
  price: price('Infinity'),
  '-price': { ...price('-1'), descending: true },
} satisfies Record<string, Order>

export type Sort = keyof typeof orders | 'id'

/** What a list by this sort adds to its query. */
export type Sorting = {
  orderBy: SQL
  /** Selected as `position`, for the cursor. */
  position: SQL
  /** The condition that a row is on a later page than `cursor`. */
  after: (cursor: string) => SQL
  cursorOf: (last: { id: string; position: string }) => string
}

/** The cursor is an id, which has no comma, so it is never one of another sort. */
const byId: Sorting = {
  orderBy: sql`t.id`,
  position: sql`''`,
  after(cursor) {
    const id = readCursor(cursor)
    if (id.includes(',')) invalidCursor()
    return sql`t.id > ${id}`
  },
  cursorOf: ({ id }) => writeCursor(id),
}

export function sortingBy(sort: Sort): Sorting {
  if (sort === 'id') return byId
  const { by, descending = false, position = by, read }: Order = orders[sort]
  const [operator, direction] = descending ? [sql`<`, sql` desc`] : [sql`>`, sql``]
  return {
    orderBy: sql`${by}${direction}, t.id${direction}`,
    position: sql`(${position})::text`,
    after(cursor) {
      const [given, id = '', ...text] = readCursor(cursor).split(',')
      const value = given === sort ? read(text.join(',')) : undefined
      return value ? sql`(${by}, t.id) ${operator} (${value}, ${id})` : invalidCursor()
    },
    cursorOf: (last) => writeCursor([sort, last.id, last.position].join(',')),
  }
}
