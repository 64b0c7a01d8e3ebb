/** What orders, visits and files say of customers, a batch at a time. What wins of it, a trigger decides. */
import { randomUUID } from 'node:crypto'
import { type SQL, sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { postgresError, RetryTransaction } from '../db/postgres-error.ts'
import { customers, ownIdPrefix } from '../db/schema/customers.ts'
import { AppError } from '../lib/errors.ts'
import type { Warning } from '../lib/warning.ts'
import { type CustomerInput, customerFields } from './customer-input.ts'
import { inTurns } from './customer-turns.ts'
import { matchCustomers } from './resolve-customer.ts'

export type ResolvedCustomer = { id: string; warnings: Warning[] }

/** What is said of a customer, which was true at `at`: ISO 8601, now when left out; and its place in the batch. */
type Statement = { customer: CustomerInput; at: string | undefined; position: number }

/**
 * Finds or creates the customers within the caller's transaction and writes what is said of them. Two statements are of
 * different customers, or say the same, as in a turn of {@link inTurns}. The id differs from the input's where the
 * e-mail belongs to another customer.
 */
export async function resolveCustomers(
  tx: Queryable,
  statements: readonly Statement[],
): Promise<ResolvedCustomer[]> {
  if (statements.length === 0) return []
  const { distinct, indexes } = withoutRepeats(statements)
  const resolved = await withRetry(async () => {
    const matched = await matchCustomers(
      tx,
      distinct.map(({ customer }) => customer),
    )
    const written = await upsertCustomers(
      tx,
      distinct.map((statement, n) => ({ ...statement, id: matched[n] })),
    )
    if (distinct.some(({ customer }, n) => isLost(written[n], matched[n], customer)))
      throw new LostCustomer()
    return written
  })
  return indexes.flatMap((index) => resolved[index] ?? [])
}

/** Of statements that say the same, the newest; and for each statement which one that is. */
function withoutRepeats(statements: readonly Statement[]) {
  const distinct: Statement[] = []
  const seen = new Map<string, number>()
  const indexes = statements.map((statement) => {
    const says = JSON.stringify(statement.customer)
    const index = seen.get(says) ?? distinct.length
    seen.set(says, index)
    const first = distinct[index] ?? statement
    distinct[index] = { ...first, at: newestOf(first.at, statement.at) }
    return index
  })
  return { distinct, indexes }
}

function newestOf(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return undefined
  return Date.parse(a) > Date.parse(b) ? a : b
}

const isLost = (written: Upserted | undefined, matched: string | undefined, input: CustomerInput) =>
  written?.created === true && matched !== undefined && matched !== input.id

export type CustomerChange = 'created' | 'updated' | 'unchanged'

/** For an import, where an e-mail of another customer is an error. Returns what became of each. */
export function writeCustomers(
  tx: Queryable,
  inputs: readonly CustomerInput[],
): Promise<(CustomerChange | AppError)[]> {
  const statements = inputs.map((customer, position) => ({ customer, at: undefined, position }))
  const concernOf = ({ customer, at }: Statement) => ({
    customer,
    at,
    writes: JSON.stringify(customer),
  })
  return inTurns(tx, statements, concernOf, (turn) => withRetry(() => writeTurn(tx, turn)))
}

async function writeTurn(
  tx: Queryable,
  statements: readonly Statement[],
): Promise<(CustomerChange | AppError)[]> {
  const inputs = statements.map(({ customer }) => customer)
  const matched = await matchCustomers(tx, inputs)
  const isTaken = inputs.map(({ id }, n) => id !== undefined && matched[n] !== id)
  const free = statements.flatMap((statement, n) =>
    isTaken[n] ? [] : { ...statement, id: matched[n] },
  )
  const written = await upsertCustomers(tx, free, isChanged)
  return isTaken.map((taken) => {
    const row = taken ? undefined : written.shift()
    return row ? changeOf(row) : takenEmail()
  })
}

const changeOf = ({ created, changed }: Upserted): CustomerChange =>
  created ? 'created' : changed ? 'updated' : 'unchanged'

/** Erased, or merged into another one, since it was found. */
export class LostCustomer extends Error {}

/** Plain SQL takes no part in our locks and may insert the same customer at the same time: then the transaction runs again. */
export async function withRetry<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const lost = ['customers_email', 'customers_pkey']
    const isLost =
      error instanceof LostCustomer || lost.includes(postgresError(error)?.constraint ?? '')
    if (!isLost) throw error
    throw new RetryTransaction('the customer was written concurrently', { cause: error })
  }
}

export const takenEmail = () =>
  new AppError('conflict', 'The e-mail belongs to another customer.', [
    { field: 'customer.email', detail: 'is the e-mail of a customer with another id' },
  ])

/** `changed` is null where nobody asked. */
type Upserted = ResolvedCustomer & { created: boolean; changed: boolean | null }

const list = (parts: SQL[]) => sql.join(parts, sql`, `)

const spokenFields = Object.keys(customerFields).filter((field) => field !== 'metadata')

/**
 * What says nothing of a field leaves it as it is. Of two that a batch creates, the first is the older one. Locks the rows
 * in any case, in the order of their ids, so that no customer can be erased before what is written next.
 */
async function upsertCustomers(
  tx: Queryable,
  statements: readonly (Statement & { id: string | undefined })[],
  changed: SQL = sql`null::boolean`,
): Promise<Upserted[]> {
  if (statements.length === 0) return []
  const rows = statements.map(({ customer, at, id }) => ({
    ...customer,
    id: id ?? `${ownIdPrefix}${randomUUID()}`,
    known_at: at,
  }))
  const positions = `{${statements.map(({ position }) => position).join()}}`
  const names = spokenFields.map((field) => sql.identifier(field))
  const columns = [sql`known_at`, sql`metadata`, ...names.map((name) => sql`${name}`)]
  const saved = await tx.execute<Upserted>(sql`
    insert into ${customers} as c (id, created_at, ${list(columns)})
    select r.id, now() + (${positions}::int[])[r.ordinality] * interval '1 microsecond', coalesce(r.known_at, now()), coalesce(r.metadata, '{}'), ${list(names.map((name) => sql`r.${name}`))}
    from jsonb_populate_recordset(null::${customers}, ${JSON.stringify(rows)}::jsonb) with ordinality r order by r.id
    on conflict (id) do update set (${list(columns)}) = row(${list(columns.map((name) => sql`excluded.${name}`))})
    returning id, warnings, xmax = 0 as created, ${changed} as changed`)
  const byId = new Map(saved.map((row) => [row.id, row]))
  return rows.map(({ id }) => {
    const found = byId.get(id)
    if (!found) throw new Error('a customer just written was not returned')
    return found
  })
}

/** Whether the statement that writes the row `c` changed what is known of the customer. */
const isChanged = sql`not exists (
  select from ${customers} before
  where before.id = c.id and ${factsOf(sql`before`)} = ${factsOf(sql`c`)}
)`
/** What is known, without since when. */
function factsOf(row: SQL): SQL {
  return sql`to_jsonb(${row}) - '{known_at,field_times,warnings,updated_at}'::text[]`
}
