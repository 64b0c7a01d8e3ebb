/** In charge of sending parcels and of what each verdict makes of them. */
import { maxAttempts, type Outcome, retryDelayMs } from '../../outbox/outbox.ts'
import type { Client, Fault, SendResult } from '../api/client.ts'
import type { Endpoint } from '../api/limits.ts'
import { refusedContact } from '../api/request-bodies.ts'
import type { MessageBody, PreparedMessage } from './prepare-messages.ts'

/** Nothing more is sent in this round, and for `pauseMs` by nobody. */
export type Halt = { pauseMs: number; alarm: string | null }

export type Delivery = {
  outcomes: Outcome[]
  /** Set as soon as the rest of the round must stay where it is. */
  halt: Halt | null
}

/** Klaviyo is asked again this long after it turned the sender away: a key may have been mended. */
const alarmPauseMs = 300_000

/** Longer waits for Klaviyo's limits are not spent inside the transaction. */
export const shortWaitMs = 500

const runsSideBySide = 16

/** One by one within an order, orders side by side. */
export async function deliverSingly(
  client: Client,
  endpoint: Endpoint,
  parcels: readonly PreparedMessage[],
): Promise<Delivery> {
  const delivery: Delivery = { outcomes: [], halt: null }
  const runs = new Map<string, PreparedMessage[]>()
  for (const parcel of parcels) {
    const run = runs.get(parcel.owner)
    if (run) run.push(parcel)
    else runs.set(parcel.owner, [parcel])
  }
  const waiting = runs.values()
  const carrier = async () => {
    for (const run of waiting) await deliverRun(client, endpoint, run, delivery)
  }
  await Promise.all(Array.from({ length: runsSideBySide }, carrier))
  return delivery
}

async function deliverRun(
  client: Client,
  endpoint: Endpoint,
  run: readonly PreparedMessage[],
  delivery: Delivery,
): Promise<void> {
  for (const parcel of run) {
    if (delivery.halt) return
    if (client.rateLimiters[endpoint].waitMs() > shortWaitMs) {
      delivery.halt = { pauseMs: 0, alarm: null }
      return
    }
    const { sent, verdict } = await deliverOne(client, endpoint, parcel)
    if (haltOf(verdict)) {
      delivery.halt = haltOf(verdict)
      return
    }
    delivery.outcomes.push(outcomeOf(sent, verdict))
    if (verdict.verdict === 'later') return
  }
}

/** At once again without an identifier that Klaviyo refuses: it never costs the event. */
async function deliverOne(
  client: Client,
  endpoint: Endpoint,
  parcel: PreparedMessage,
): Promise<{ sent: PreparedMessage; verdict: SendResult }> {
  const verdict = await client.post(endpoint, parcel.body)
  const rest = verdict.verdict === 'never' ? withoutRefused(parcel, verdict.faults) : null
  return rest ? deliverOne(client, endpoint, rest) : { sent: parcel, verdict }
}

/** The parcel without the identifiers that the faults point at; null when they point at none, or none is left. */
export function withoutRefused(
  parcel: PreparedMessage,
  faults: readonly Fault[],
): PreparedMessage | null {
  const refused = new Set(faults.flatMap(({ pointer }) => refusedContact(pointer) ?? []))
  if (refused.size === 0) return null
  let letter: MessageBody | null = parcel
  for (const contact of refused) letter = letter?.without(contact) ?? null
  return letter && { ...parcel, ...letter }
}

/** A 429 and a refusal of the sender are nobody's fault: no message counts an attempt for them. */
export function haltOf(verdict: SendResult): Halt | null {
  if (verdict.verdict === 'stop') return { pauseMs: alarmPauseMs, alarm: verdict.reason }
  if (verdict.verdict !== 'later' || verdict.retryAfterMs === null) return null
  return { pauseMs: verdict.retryAfterMs, alarm: null }
}

export function outcomeOf(parcel: PreparedMessage, verdict: SendResult): Outcome {
  const { id, body, warnings, attempts } = parcel
  const common = { id, warnings, request_id: verdict.requestId }
  if (verdict.verdict === 'done') return { ...common, status: 'sent', payload: body }
  const error = verdict.reason
  if (verdict.verdict === 'never' || attempts + 1 >= maxAttempts)
    return { ...common, status: 'failed', payload: body, error }
  return { ...common, status: 'pending', error, delay_ms: retryDelayMs(attempts) }
}
