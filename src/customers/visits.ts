import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { type Database, type Queryable, transaction } from '../db/connection.ts'
import { timestamp } from '../db/parameters.ts'
import { visits } from '../db/schema/customers.ts'
import { eventTime, id } from '../lib/fields.ts'
import { invalidCursor, type Page, readTimeCursor, writeTimeCursor } from '../lib/pagination.ts'
import type { Warning } from '../lib/warning.ts'
import { customerInput } from './customer-input.ts'
import type { ListedVisit, Visit } from './customer-schemas.ts'
import { inTurns } from './customer-turns.ts'
import { resolveCustomers } from './record-customers.ts'

/** A customer was in a store, whether or not anything was bought. */
export const visitInput = z
  .strictObject({
    customer: customerInput,
    store_id: id,
    at: eventTime.optional().meta({ description: 'Now, when left out' }),
  })
  .meta({ id: 'VisitInput' })
export type VisitInput = z.infer<typeof visitInput>

/** The same customer, store and time again is the same visit: nothing is written, nothing is sent. */
export function recordVisit(
  db: Database,
  input: VisitInput,
): Promise<{ visit: Visit; created: boolean }> {
  return transaction(db, async (tx) => {
    const [written] = await writeVisits(tx, [input])
    const [row] = await tx.execute<{ record: Omit<Visit, 'warnings'> }>(sql`
      select row_to_json(v) as record from ${visits} v
      where customer_id = ${written?.customerId} and store_id = ${input.store_id}
        and at = coalesce(${input.at ?? null}::timestamptz, now())::timestamptz(3)`)
    if (!row || !written) throw new Error('the visit just recorded was not found')
    return { visit: { ...row.record, warnings: written.warnings }, created: written.created }
  })
}

type WrittenVisit = { customerId: string; warnings: Warning[]; created: boolean }

/** Part of the caller's transaction. A visit in an unknown store is recorded: the event says what is missing. */
export function writeVisits(tx: Queryable, inputs: readonly VisitInput[]): Promise<WrittenVisit[]> {
  const placed = inputs.map((input, position) => ({ ...input, at: input.at, position }))
  return inTurns(
    tx,
    placed,
    ({ customer, at }) => ({ customer, at }),
    (turn) => writeTurn(tx, turn),
  )
}

type PlacedVisit = VisitInput & { at: string | undefined; position: number }

async function writeTurn(tx: Queryable, inputs: readonly PlacedVisit[]): Promise<WrittenVisit[]> {
  const customers = await resolveCustomers(tx, inputs)
  const rows = inputs.map(({ store_id, at }, n) => ({
    n,
    customer_id: customers[n]?.id,
    store_id,
    at,
  }))
  const created = await tx.execute<{ n: number }>(sql`
    with given as (
      select n, customer_id, store_id, coalesce(at, now())::timestamptz(3) as at
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
        as g(n int, customer_id text collate "C", store_id text collate "C", at timestamptz)
    ), inserted as (
      insert into ${visits} (customer_id, store_id, at)
      select customer_id, store_id, at from given order by customer_id, store_id, at
      on conflict do nothing returning customer_id, store_id, at
    )
    select min(n) as n from given join inserted using (customer_id, store_id, at)
    group by customer_id, store_id, at`)
  const isNew = new Set(created.map(({ n }) => n))
  return customers.map(({ id, warnings }, n) => ({
    customerId: id,
    warnings,
    created: isNew.has(n),
  }))
}

/** The newest first, with the cursor of the next page, null on the last. */
export async function listVisits(
  db: Queryable,
  customerId: string,
  { limit, cursor }: Page,
): Promise<{ visits: ListedVisit[]; nextCursor: string | null }> {
  const rows = await db.execute<{ record: ListedVisit }>(sql`
    select row_to_json(v) as record from ${visits} v
    where customer_id = ${customerId} and ${cursor === undefined ? sql`true` : isBefore(cursor)}
    order by at desc, id desc limit ${limit + 1}`)
  const listed = rows.slice(0, limit).map(({ record }) => record)
  const last = rows.length > limit ? listed.at(-1) : undefined
  return { visits: listed, nextCursor: last ? writeTimeCursor('-at', last.at, last.id) : null }
}

function isBefore(cursor: string) {
  const { time, id: number } = readTimeCursor(cursor, '-at')
  return /^\d{1,15}$/.test(number)
    ? sql`(at, id) < (${timestamp(time)}, ${number}::bigint)`
    : invalidCursor()
}
