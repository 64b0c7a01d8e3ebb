/** The lines that updates name, and how many of each are left. */
import { sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import {
  type LineQuantity,
  orderItems,
  orderUpdates,
  type UpdateKind,
} from '../db/schema/orders.ts'
import { AppError, type FieldError } from '../lib/errors.ts'
import { groupBy } from '../lib/group-by.ts'
import type { UpdateInput } from './order-input.ts'

type Named = { orderId: string; kind: UpdateKind; input: UpdateInput }

/** Postgres subtracts: floats would not be exact. */
type LineState = { order_id: string; kind: UpdateKind; line: number; left: number }

const keyOf = (orderId: string, kind: UpdateKind) => JSON.stringify([kind, orderId])

/** What is left of each line of the orders, for the kind of the update. */
export async function findLines(
  tx: Queryable,
  updates: readonly Named[],
): Promise<Map<string, LineState[]>> {
  if (updates.length === 0) return new Map()
  const given = updates.map(({ orderId, kind }) => ({ order_id: orderId, kind }))
  const rows = await tx.execute<LineState>(sql`
    select i.order_id, g.kind, i.line, (i.quantity - coalesce(sum(n.quantity), 0))::float8 as left
    from jsonb_to_recordset(${JSON.stringify(given)}::jsonb) as g(order_id text collate "C", kind text)
    join ${orderItems} i on i.order_id = g.order_id
    left join ${orderUpdates} u on u.order_id = i.order_id and u.kind = g.kind
    left join lateral jsonb_to_recordset(u.items) as n(line numeric, quantity numeric) on n.line = i.line
    where i.quantity > 0 group by i.order_id, g.kind, i.line, i.quantity`)
  return groupBy(rows, ({ order_id, kind }) => keyOf(order_id, kind))
}

/** A line without a quantity gets what is left of it; more than is left is an error. */
export function fillQuantities(
  { orderId, kind, input: { items } }: Named,
  states: ReadonlyMap<string, LineState[]>,
): LineQuantity[] | AppError | null {
  if (!items) return null
  const rows = states.get(keyOf(orderId, kind)) ?? []
  const lines = new Map(rows.map((row) => [row.line, row]))
  const named = items.map(({ line, quantity }) => ({
    line,
    quantity: quantity ?? lines.get(line)?.left ?? 0,
  }))
  const errors = named.flatMap((item, index) => lineErrors(item, index, lines.get(item.line)))
  return errors.length === 0
    ? named
    : new AppError('invalid', 'Some lines or quantities do not match the order.', errors)
}

function lineErrors(
  { line, quantity }: LineQuantity,
  index: number,
  state?: LineState,
): FieldError[] {
  if (!state) return [{ field: `items.${index}.line`, detail: `the order has no line ${line}` }]
  if (quantity > 0 && quantity <= state.left) return []
  const detail = `line ${line} has only ${state.left} left`
  return [{ field: `items.${index}.quantity`, detail }]
}
