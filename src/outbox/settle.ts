/** Records what became of claimed messages. */
import { sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { outbox } from '../db/schema/outbox.ts'
import type { Warning } from '../lib/warning.ts'

/** What became of a message. `payload` is the JSON text as it was sent; without one it could not be built. */
export type Outcome = {
  id: number
  request_id?: string | null
  warnings?: Warning[]
  amendment?: number | undefined
} & (
  | { status: 'sent'; payload: string }
  | { status: 'failed'; payload?: string; error: string }
  | { status: 'unsendable'; error: string }
  | { status: 'pending'; error: string; delay_ms: number }
)

/** By status, zeros included. */
export function countOutcomes(outcomes: readonly Outcome[]): Record<Outcome['status'], number> {
  const counts = { sent: 0, failed: 0, unsendable: 0, pending: 0 }
  for (const { status } of outcomes) counts[status]++
  return counts
}

/** The status, or our own words: what may be logged and shown to everybody. Details of Klaviyo's may quote a customer. */
export function withoutDetail(error: string): string {
  return /^(\d{3} without .*|\d{3}|[^:]*)/.exec(error)?.[0] ?? ''
}

/** The one retry rule: after 1 s, 2 s, 4 s … up to an hour, each shortened at random by up to half. */
export function retryDelayMs(attempts: number): number {
  return Math.min(3_600_000, 1_000 * 2 ** attempts) * (0.5 + Math.random() / 2)
}

/** About five days of retries. */
export const maxAttempts = 160

/** Must run in the transaction that claimed them, so that nothing is settled that was not sent under the lock. */
export async function settle(
  tx: Queryable,
  outcomes: readonly Outcome[],
  sentTo: string,
): Promise<void> {
  if (outcomes.length === 0) return
  await tx.execute(sql`
    update ${outbox} o set
      status = s.status,
      attempts = o.attempts + case when s.status = 'unsendable' then 0 else 1 end,
      next_at = case when s.status = 'pending' then clock_timestamp() + s.delay_ms * interval '1 ms' else o.next_at end,
      settled_at = case when s.status <> 'pending' then clock_timestamp() end,
      error = s.error,
      warnings = coalesce(s.warnings, '[]'),
      amendment = coalesce(s.amendment, o.amendment),
      payload = coalesce(s.payload, o.payload),
      request_id = s.request_id,
      sent_to = case when s.status = 'sent' then ${sentTo}::text end
    from json_to_recordset(${asJson(outcomes)}::json)
      as s(id bigint, status text, error text, warnings jsonb, amendment int, payload json, request_id text, delay_ms float8)
    where o.id = s.id`)
}

/** The payload is JSON text already and is inserted as it is. */
function asJson(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map((outcome) => {
    if (!('payload' in outcome) || outcome.payload === undefined) return JSON.stringify(outcome)
    const { payload, ...rest } = outcome
    return `${JSON.stringify(rest).slice(0, -1)},"payload":${payload}}`
  })
  return `[${rows.join(',')}]`
}
