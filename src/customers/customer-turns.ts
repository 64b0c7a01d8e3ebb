/** Divides a batch so that what concerns one customer is written in its order, and all else at once. */
import { sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { textArray } from '../db/parameters.ts'
import { customers } from '../db/schema/customers.ts'
import { groupBy } from '../lib/group-by.ts'
import type { CustomerInput } from './customer-input.ts'
import { findHolders, lockLookups } from './resolve-customer.ts'
import { said } from './said.ts'

/** Part of a batch: what it says of a customer, which was true at `at` (now, when left out), and what else it writes. */
type Concern = {
  customer: CustomerInput | null | undefined
  at: string | undefined
  /** Two that write the same thing are in different turns. */
  writes?: string
}

/**
 * Calls `write` turn by turn; the results are in the order of the inputs. Two inputs in one turn concern different
 * customers, unless both say the same of one.
 */
export async function inTurns<T, R>(
  tx: Queryable,
  inputs: readonly T[],
  concernOf: (input: T) => Concern,
  write: (turn: T[]) => Promise<R[]>,
): Promise<R[]> {
  const results: [number, R][] = []
  for (const turn of await turnsOf(tx, inputs.map(concernOf))) {
    const written = await write(turn.flatMap((index) => inputs.slice(index, index + 1)))
    results.push(
      ...turn.flatMap((index, n) =>
        written.slice(n, n + 1).map((one): [number, R] => [index, one]),
      ),
    )
  }
  return results.sort(([a], [b]) => a - b).map(([, result]) => result)
}

/**
 * The turns, each a list of indexes.
 * Locks all customers that are known, in the order of their ids, so that batches at the same time do not block each other.
 */
async function turnsOf(tx: Queryable, batch: readonly Concern[]): Promise<number[][]> {
  if (batch.length < 2) return batch.map((_, index) => [index])
  const known = await lockKnown(tx, batch)
  const turns: number[][] = []
  for (const group of groupsOf(known.map(({ keys }) => keys)))
    for (const [turn, indexes] of turnsOfGroup(batch, known, group).entries())
      turns[turn] = [...(turns[turn] ?? []), ...indexes]
  return turns.map((indexes) => indexes.sort((a, b) => a - b))
}

type Known = { keys: string[]; knownAt: number }

type KnownRow = {
  id: string
  known_at: string
  email_key: string | null
  phone_number: string | null
}

async function lockKnown(tx: Queryable, batch: readonly Concern[]): Promise<Known[]> {
  const inputs = batch.map(({ customer }) => customer ?? {})
  const lookups = await lockLookups(tx, inputs)
  const holders = await findHolders(tx, inputs, lookups)
  const ids = inputs.map(({ id }, index) => [id, holders[index]].filter((one) => one != null))
  const rows = await tx.execute<KnownRow>(sql`
    select id, known_at, email_key(email) as email_key, phone_number from ${customers}
    where id = any(${textArray([...new Set(ids.flat())])}) order by id for no key update`)
  const known = new Map(rows.map((row) => [row.id, row]))
  // A telephone matters where somebody is looked up by it: many customers may share one.
  const sought = new Set(lookups.filter(({ by }) => by === 'phone').map(({ key }) => key))
  return inputs.map(({ phone_number }, index) => {
    const found = (ids[index] ?? []).flatMap((id) => known.get(id) ?? [])
    const emails = [lookups[index]?.email_key, ...found.map(({ email_key }) => email_key)]
    const phones = [said(phone_number), ...found.map((row) => row.phone_number)]
    const keys = [
      ...(ids[index] ?? []).map((id) => `id ${id}`),
      ...emails.flatMap((email) => (email ? `email ${email}` : [])),
      ...phones.flatMap((phone) => (phone && sought.has(phone) ? `phone ${phone}` : [])),
      ...[batch[index]?.writes].flatMap((writes) =>
        writes === undefined ? [] : `writes ${writes}`,
      ),
    ]
    const times = found.map(({ known_at }) => Date.parse(known_at))
    return { keys, knownAt: Math.max(Number.NEGATIVE_INFINITY, ...times) }
  })
}

/** Indexes that are connected by keys, in their order. */
function groupsOf(keys: readonly string[][]): number[][] {
  const parents = keys.map((_, index) => index)
  const rootOf = (index: number): number => {
    let root = index
    while (parents[root] !== root) root = parents[root] ?? root
    parents[index] = root
    return root
  }
  const first = new Map<string, number>()
  for (const [index, own] of keys.entries())
    for (const key of own) {
      const other = first.get(key)
      if (other === undefined) first.set(key, index)
      else parents[rootOf(index)] = rootOf(other)
    }
  return [
    ...groupBy(
      keys.map((_, index) => index),
      rootOf,
    ).values(),
  ]
}

/**
 * One after the other. Those that say the same as the one before share its turn, if that one says the newest thing of all:
 * then all that they can change is when it was true.
 */
function turnsOfGroup(
  batch: readonly Concern[],
  known: readonly Known[],
  group: number[],
): number[][] {
  let newest = Math.max(...group.map((index) => known[index]?.knownAt ?? 0))
  let shared: { says: string; writes: Set<string> } | undefined
  const turns: number[][] = []
  for (const index of group) {
    const { customer, at, writes = `${index}` } = batch[index] ?? { customer: null, at: undefined }
    const says = JSON.stringify(customer ?? null)
    const time = at === undefined ? Number.POSITIVE_INFINITY : Date.parse(at)
    if (shared?.says === says && !shared.writes.has(writes)) {
      turns.at(-1)?.push(index)
      shared.writes.add(writes)
    } else {
      turns.push([index])
      shared = time >= newest ? { says, writes: new Set([writes]) } : undefined
    }
    newest = Math.max(newest, time)
  }
  return turns
}
