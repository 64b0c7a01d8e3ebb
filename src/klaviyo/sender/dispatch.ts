/** In charge of what one round carries: how much is claimed, which way it goes, and when it must wait. */

import type { Queryable } from '../../db/connection.ts'
import type { QueueName } from '../../db/schema/outbox.ts'
import { settleBoth } from '../../lib/settle-both.ts'
import {
  claimGroups,
  type MessageGroup,
  type Outcome,
  requeueUnsendable,
} from '../../outbox/outbox.ts'
import { limits } from '../api/limits.ts'
import type { KlaviyoSender } from './klaviyo.ts'
import { type Packed, prepareEvents, prepareProfiles } from './prepare-messages.ts'
import { deliverInBulk } from './send-bulk.ts'
import { type Delivery, deliverSingly, shortWaitMs } from './send-single.ts'

export type Carried = Delivery & {
  /** How long a limit of Klaviyo's keeps everything back; 0 when it does not. */
  waitMs: number
}

/** Up to this many events leave one by one, for the shortest way; more leave in bulk. */
const few = 25
const profilesAtOnce = 100

/** Where Klaviyo's limits leave it no time to rest, a round makes so many bulk requests. */
const requestsAtOnce = 4
const restlessMs = 50

export const carriers: Record<QueueName, (tx: Queryable, post: KlaviyoSender) => Promise<Carried>> =
  {
    events: carryEvents,
    profiles: carryProfiles,
  }

const nothing = (waitMs: number): Carried => ({ outcomes: [], halt: null, waitMs })

/** The bulk endpoint is spared for many, and used for few when the other one's limit is reached. */
async function carryEvents(tx: Queryable, post: KlaviyoSender): Promise<Carried> {
  const { client, transport } = post
  const { event, bulkEntry } = transport
  const singleMs = client.rateLimiters[event.endpoint].waitMs()
  const bulkMs = bulkEntry ? client.rateLimiters.bulk.waitMs() : Number.POSITIVE_INFINITY
  if (Math.min(singleMs, bulkMs) > shortWaitMs) return nothing(Math.min(singleMs, bulkMs))
  await requeueUnsendable(tx)
  const requests = client.rateLimiters.bulk.spacingMs < restlessMs ? requestsAtOnce : 1
  const most = bulkMs > shortWaitMs ? few : requests * limits.bulkEvents
  const runs = await claimGroups(tx, 'events', most)
  const count = countMessages(runs)
  if (count === 0) return nothing(0)
  const many = count > few || singleMs > shortWaitMs
  if (bulkEntry && many && bulkMs <= shortWaitMs) return carryInBulk(tx, post, bulkEntry, runs)
  const packed = await prepareEvents(tx, runs, post.names, event.body)
  return join(packed, await deliverSingly(client, event.endpoint, packed.parcels))
}

/** The next request is made ready while one is under way. */
async function carryInBulk(
  tx: Queryable,
  { client, names }: KlaviyoSender,
  bulkEntry: NonNullable<KlaviyoSender['transport']['bulkEntry']>,
  runs: readonly MessageGroup[],
): Promise<Carried> {
  const batches = batchesOf(runs)
  const pack = (batch: readonly MessageGroup[]) => prepareEvents(tx, batch, names, bulkEntry)
  const outcomes: Outcome[] = []
  let packed = await pack(batches[0] ?? [])
  for (let at = 1; ; at++) {
    const following = batches[at]
    const [delivery, next] = await settleBoth(
      deliverInBulk(client, packed.parcels),
      following ? pack(following) : null,
    )
    outcomes.push(...packed.unsendable, ...delivery.outcomes)
    if (delivery.halt || !next) return { outcomes, halt: delivery.halt, waitMs: 0 }
    packed = next
  }
}

/** Whole runs, as many as one bulk request takes. */
function batchesOf(runs: readonly MessageGroup[]): MessageGroup[][] {
  const batches: MessageGroup[][] = []
  let room = 0
  for (const run of runs) {
    if (run.messages.length > room) {
      batches.push([])
      room = limits.bulkEvents
    }
    batches.at(-1)?.push(run)
    room -= run.messages.length
  }
  return batches
}

async function carryProfiles(
  tx: Queryable,
  { client, transport }: KlaviyoSender,
): Promise<Carried> {
  const { endpoint, body } = transport.profile
  const waitMs = client.rateLimiters[endpoint].waitMs()
  if (waitMs > shortWaitMs) return nothing(waitMs)
  const runs = await claimGroups(tx, 'profiles', profilesAtOnce)
  if (runs.length === 0) return nothing(0)
  const packed = await prepareProfiles(tx, runs, body)
  return join(packed, await deliverSingly(client, endpoint, packed.parcels))
}

function join({ unsendable }: Packed, { outcomes, halt }: Delivery): Carried {
  return { outcomes: [...unsendable, ...outcomes], halt, waitMs: 0 }
}

const countMessages = (runs: readonly MessageGroup[]) =>
  runs.reduce((sum, { messages }) => sum + messages.length, 0)
