/** Sends the due messages of a queue: how many are claimed, and whether they are sent one by one or in bulk. */
import type { Queryable } from '../../db/connection.ts'
import type { QueueName } from '../../db/schema/outbox.ts'
import { settleBoth } from '../../lib/settle-both.ts'
import { type Claim, claimGroups, cutTo, type MessageGroup } from '../../outbox/claim.ts'
import type { QueueState } from '../../outbox/queue.ts'
import type { Endpoint } from '../api/endpoints.ts'
import { limits } from '../api/limits.ts'
import type { CustomerWithStore, OrderRecord } from '../mapping/records.ts'
import type { KlaviyoSender } from './klaviyo.ts'
import { batchEnd, type DispatchResult, endOfBatch, type IsOver, isReady } from './outcomes.ts'
import { prepareEvents, prepareProfiles } from './prepare-messages.ts'
import { sendInBulk } from './send-bulk.ts'
import { sendSingly } from './send-single.ts'
import type { Transport } from './transport.ts'

/** Up to this many events are sent one by one, which is the fastest for few. */
const maxSingleEvents = 25
const maxProfiles = 100

/** A batch makes this many bulk requests where the rate limit leaves no time between them. */
const requestsAtOnce = 4
const shortSpacingMs = 50

/** How long Klaviyo's rate limits keep all of the queue from being sent; 0 when some can be sent. */
export function rateLimitMs(queue: QueueName, { client, transport }: KlaviyoSender): number {
  const { event, bulk, profile } = transport
  const endpoints =
    queue === 'profiles' ? [profile.endpoint] : [event.endpoint, ...(bulk ? [bulk.endpoint] : [])]
  if (endpoints.some((endpoint) => isReady(client, endpoint))) return 0
  return Math.min(...endpoints.map((endpoint) => client.rateLimiter(endpoint).waitMs()))
}

/** What is due of a queue, claimed: `dispatch` sends it. */
export type Due = {
  state: QueueState
  dispatch: (signal: AbortSignal) => Promise<DispatchResult>
}

/** Null when another sender has the queue. */
export const claim: Record<
  QueueName,
  (tx: Queryable, sender: KlaviyoSender) => Promise<Due | null>
> = {
  async events(tx, sender) {
    const bulk = bulkOf(sender)
    const limit = bulk ? maxBulkEvents(sender, bulk.endpoint) : maxSingleEvents
    const limits = { limit, loadLimit: maxSingleEvents }
    const claimed = await claimGroups<OrderRecord>(tx, 'events', sender.id, limits)
    return (
      claimed && {
        state: claimed.state,
        dispatch: (signal) => dispatchEvents(tx, sender, claimed, signal),
      }
    )
  },
  async profiles(tx, sender) {
    const limits = { limit: maxProfiles, loadLimit: maxProfiles }
    const claimed = await claimGroups<CustomerWithStore>(tx, 'profiles', sender.id, limits)
    return (
      claimed && {
        state: claimed.state,
        dispatch: (signal) => dispatchProfiles(tx, sender, claimed, signal),
      }
    )
  },
}

/** Few events are sent in bulk only when the endpoint for single ones has reached its rate limit. */
async function dispatchEvents(
  tx: Queryable,
  sender: KlaviyoSender,
  { groups, records }: Claim<OrderRecord>,
  signal: AbortSignal,
): Promise<DispatchResult> {
  if (groups.length === 0) return nothing
  const { client, transport } = sender
  const bulk = bulkOf(sender)
  const many = countMessages(groups) > maxSingleEvents || !isReady(client, transport.event.endpoint)
  if (bulk && many) return dispatchInBulk(tx, sender, bulk.entry, groups, signal)
  // When they were claimed, the requests of other senders were not known yet.
  return dispatchSingly(tx, sender, { groups: cutTo(maxSingleEvents, groups), records }, signal)
}

/** Null also when it has reached its rate limit. */
function bulkOf({ client, transport: { bulk } }: KlaviyoSender): Transport['bulk'] {
  return bulk && isReady(client, bulk.endpoint) ? bulk : null
}

async function dispatchSingly(
  tx: Queryable,
  { client, names, transport: { event } }: KlaviyoSender,
  { groups, records }: Pick<Claim<OrderRecord>, 'groups' | 'records'>,
  signal: AbortSignal,
): Promise<DispatchResult> {
  const { messages, setAside } = await prepareEvents(tx, { groups, records }, names, event.body)
  const isOver = batchEnd(signal)
  return withOutcomes(setAside, await sendSingly(client, event.endpoint, messages, isOver))
}

function maxBulkEvents({ client }: KlaviyoSender, bulk: Endpoint): number {
  const { spacingMs } = client.rateLimiter(bulk)
  return limits.bulkEvents * (spacingMs < shortSpacingMs ? requestsAtOnce : 1)
}

/** Prepares the next request while one is being sent. */
async function dispatchInBulk(
  tx: Queryable,
  sender: KlaviyoSender,
  entry: NonNullable<Transport['bulk']>['entry'],
  groups: readonly MessageGroup[],
  signal: AbortSignal,
): Promise<DispatchResult> {
  const { client, names } = sender
  const isOver: IsOver = batchEnd(signal)
  const requests = requestsOf(groups)
  const prepare = (request: readonly MessageGroup[]) =>
    prepareEvents(tx, { groups: request, records: null }, names, entry)
  const outcomes: DispatchResult['outcomes'] = []
  let prepared = await prepare(requests[0] ?? [])
  for (let at = 1; ; at++) {
    const request = requests[at]
    const [sent, next] = await settleBoth(
      sendInBulk(client, prepared.messages, isOver),
      request ? prepare(request) : null,
    )
    outcomes.push(...prepared.setAside, ...sent.outcomes)
    if (sent.refused.size > 0)
      return withOutcomes(
        outcomes,
        await dispatchRefused(tx, sender, only(sent.refused, groups), signal),
      )
    if (sent.pause || !next) return { outcomes, pause: sent.pause }
    prepared = next
  }
}

/** One by one, and nothing after them. When the batch ends before they do, what is left is refused once more. */
async function dispatchRefused(
  tx: Queryable,
  sender: KlaviyoSender,
  groups: readonly MessageGroup[],
  signal: AbortSignal,
): Promise<DispatchResult> {
  const { client, transport } = sender
  const { endpoint } = transport.event
  const { outcomes, pause } = isReady(client, endpoint)
    ? await dispatchSingly(tx, sender, { groups, records: null }, signal)
    : nothing
  if (pause && pause !== endOfBatch) return { outcomes, pause }
  return { outcomes, pause: { ms: client.rateLimiter(endpoint).waitMs() } }
}

function only(ids: ReadonlySet<number>, groups: readonly MessageGroup[]): MessageGroup[] {
  return groups.flatMap(({ owner, messages }) => {
    const rest = messages.filter(({ id }) => ids.has(id))
    return rest.length > 0 ? [{ owner, messages: rest }] : []
  })
}

/** Whole groups, as many as one bulk request takes. */
function requestsOf(groups: readonly MessageGroup[]): MessageGroup[][] {
  const requests: MessageGroup[][] = []
  let room = 0
  for (const group of groups) {
    if (group.messages.length > room) {
      requests.push([])
      room = limits.bulkEvents
    }
    requests.at(-1)?.push(group)
    room -= group.messages.length
  }
  return requests
}

async function dispatchProfiles(
  tx: Queryable,
  { client, transport }: KlaviyoSender,
  claimed: Claim<CustomerWithStore>,
  signal: AbortSignal,
): Promise<DispatchResult> {
  const { endpoint, body } = transport.profile
  if (claimed.groups.length === 0) return nothing
  const { messages, setAside } = await prepareProfiles(tx, claimed, body)
  return withOutcomes(setAside, await sendSingly(client, endpoint, messages, batchEnd(signal)))
}

const nothing: DispatchResult = { outcomes: [], pause: null }

function withOutcomes(
  outcomes: DispatchResult['outcomes'],
  result: DispatchResult,
): DispatchResult {
  return { ...result, outcomes: [...outcomes, ...result.outcomes] }
}

const countMessages = (groups: readonly MessageGroup[]) =>
  groups.reduce((sum, { messages }) => sum + messages.length, 0)
