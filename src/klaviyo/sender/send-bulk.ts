/** In charge of sending many events by Klaviyo's bulk endpoint, where one bad event fails all beside it. */
import type { Client, Fault, Refused } from '../api/client.ts'
import { limits } from '../api/limits.ts'
import { bulkBody, bulkIndex } from '../api/request-bodies.ts'
import type { PreparedMessage } from './prepare-messages.ts'
import { type Delivery, haltOf, outcomeOf, shortWaitMs, withoutRefused } from './send-single.ts'

/** For the envelope around the entries. */
const envelopeBytes = 1_000

/** Request after request, so that each order keeps its order; ends at the first that must wait. */
export async function deliverInBulk(
  client: Client,
  parcels: readonly PreparedMessage[],
): Promise<Delivery> {
  const delivery: Delivery = { outcomes: [], halt: null }
  let sent = 0
  while (sent < parcels.length && !delivery.halt) {
    const request = parcels.slice(sent, sent + countFitting(parcels, sent))
    sent += request.length
    await send(client, request, delivery, shortWaitMs)
  }
  return delivery
}

/** As many as one request takes. No unique_id of a metric can stand in it twice: the outbox has each once. */
function countFitting(parcels: readonly PreparedMessage[], from: number): number {
  let count = 0
  let bytes = envelopeBytes
  for (const { body } of parcels.slice(from, from + limits.bulkEvents)) {
    bytes += Buffer.byteLength(body) + 1
    if (bytes > limits.requestBytes) break
    count++
  }
  return Math.max(1, count)
}

/** What was learnt from a refusal would be forgotten with the round, so what follows it waits as long as it must. */
async function send(
  client: Client,
  parcels: readonly PreparedMessage[],
  delivery: Delivery,
  maxWaitMs = Number.POSITIVE_INFINITY,
): Promise<void> {
  if (parcels.length === 0 || delivery.halt) return
  if (client.rateLimiters.bulk.waitMs() > maxWaitMs) {
    delivery.halt = { pauseMs: 0, alarm: null }
    return
  }
  const verdict = await client.post('bulk', bulkBody(parcels.map(({ body }) => body)))
  delivery.halt = haltOf(verdict)
  if (delivery.halt) return
  if (verdict.verdict === 'never') {
    await sendAllButBad(client, parcels, verdict, delivery)
    return
  }
  for (const parcel of parcels) delivery.outcomes.push(outcomeOf(parcel, verdict))
  // Nothing may overtake what must be tried again.
  if (verdict.verdict === 'later') delivery.halt = { pauseMs: 0, alarm: null }
}

/**
 * By Klaviyo's pointers a bad one loses the identifier that is refused, or is failed, and the rest is
 * sent at once; without any, by halves.
 */
async function sendAllButBad(
  client: Client,
  parcels: readonly PreparedMessage[],
  refusal: Refused,
  delivery: Delivery,
): Promise<void> {
  const bad = faultsByPlace(parcels, refusal)
  if (bad.size === 0) {
    const middle = Math.ceil(parcels.length / 2)
    await send(client, parcels.slice(0, middle), delivery)
    await send(client, parcels.slice(middle), delivery)
    return
  }
  const again: PreparedMessage[] = []
  parcels.forEach((parcel, place) => {
    const faults = bad.get(place) ?? []
    const rest = bad.has(place) ? withoutRefused(parcel, faults) : parcel
    const reason = faults.map(({ detail }) => detail).join('; ') || refusal.reason
    if (rest) again.push(rest)
    else delivery.outcomes.push(outcomeOf(parcel, { ...refusal, reason }))
  })
  await send(client, again, delivery)
}

/** An only parcel is what all faults are about. */
function faultsByPlace(
  parcels: readonly PreparedMessage[],
  { faults }: Refused,
): Map<number, Fault[]> {
  if (parcels.length === 1) return new Map([[0, faults]])
  const found = new Map<number, Fault[]>()
  for (const fault of faults) {
    const place = bulkIndex(fault.pointer)
    if (place === null || place >= parcels.length) continue
    found.set(place, [...(found.get(place) ?? []), fault])
  }
  return found
}
