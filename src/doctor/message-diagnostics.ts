import { sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { orders } from '../db/schema/orders.ts'
import { outbox } from '../db/schema/outbox.ts'
import { readDeliveryProblems } from '../outbox/delivery-problems.ts'
import { countMessages } from '../outbox/outbox-metrics.ts'
import { type Diagnostic, error, ok, warning } from './diagnostic.ts'

const area = 'messages'

export async function checkMessages(db: Queryable): Promise<Diagnostic[]> {
  const { pending = 0, sent = 0, failed = 0, unsendable = 0 } = await countMessages(db)
  const diagnostics = [ok(area, `Pending: ${pending}, sent: ${sent}.`)]
  const erased = await countErasedOrders(db)
  if (erased > 0)
    diagnostics.push(ok(area, `Orders of erased customers, of which nothing is sent: ${erased}.`))
  for (const problem of await readDeliveryProblems(db))
    diagnostics.push(
      error(
        area,
        problem,
        'Fix the key, if that is the reason; pending messages are kept. GET /v1/events?status=pending lists them.',
      ),
    )
  if (failed > 0)
    diagnostics.push(
      warning(
        area,
        `Failed messages: ${failed}.`,
        'GET /v1/events?status=failed shows why. Fix the cause, then POST /v1/events/retry.',
      ),
    )
  if (unsendable > 0)
    diagnostics.push(
      warning(
        area,
        `Messages about customers without e-mail or phone number: ${unsendable}.`,
        'GET /v1/events?status=unsendable lists them; their warnings name the field.',
      ),
    )
  const warned = await countWithWarnings(db)
  if (warned > 0)
    diagnostics.push(
      warning(
        area,
        `Messages with warnings: ${warned === maxWarned ? `${maxWarned} or more` : warned}.`,
        'GET /v1/events?with_warnings=true lists them, each with the field and what was left out.',
      ),
    )
  return diagnostics
}

const maxWarned = 10_000

async function countWithWarnings(db: Queryable): Promise<number> {
  const [row] = await db.execute<{ count: number }>(sql`
    select count(*)::int as count from (
      select from ${outbox} where warnings <> '[]' limit ${maxWarned}
    ) as warned`)
  return row?.count ?? 0
}

async function countErasedOrders(db: Queryable): Promise<number> {
  const [row] = await db.execute<{ count: number }>(
    sql`select count(*)::int as count from ${orders} where erased_at is not null`,
  )
  return row?.count ?? 0
}
