/** Turns claimed messages into the JSON that is sent. */
import type { Queryable } from '../../db/connection.ts'
import type { MessageWarning, Metric } from '../../db/schema/outbox.ts'
import type { Message, MessageGroup } from '../../outbox/claim.ts'
import type { Outcome } from '../../outbox/settle.ts'
import { type Event, type MetricNames, toBuyer, toEvent } from '../mapping/event.ts'
import { loadCustomers, loadOrders } from '../mapping/load-records.ts'
import {
  type Contact,
  identifierOnly,
  type Profile,
  type ProfileResult,
  toProfile,
  withoutContact,
} from '../mapping/profile.ts'
import { mayBeOversize, trimEvent } from '../mapping/truncate.ts'

export type PreparedMessage = {
  id: number
  owner: string
  attempts: number
  /** The newest amendment of the order that the event contains. */
  amendment?: number | undefined
} & MessageBody

/** `body` is JSON, as it is sent and stored. */
type Written = { body: string; warnings: MessageWarning[] }

export type MessageBody = Written & {
  /** The same without an identifier that Klaviyo rejected; null when no other is left. */
  without: (rejected: Contact) => MessageBody | null
}

type Unsendable = { unsendable: string }

/** In the order of each group. */
type Prepared = { messages: PreparedMessage[]; unsendable: Extract<Outcome, { error: string }>[] }

export async function prepareEvents(
  tx: Queryable,
  groups: readonly MessageGroup[],
  names: MetricNames,
  bodyOf: (event: Event) => object,
): Promise<Prepared> {
  const withUpdates = groups.some(({ messages }) => messages.some(({ metric }) => isUpdate(metric)))
  const orders = await loadOrders(tx, ownersOf(groups), { withUpdates })
  const buyers = new Map([...orders].map(([id, order]) => [id, toBuyer(order)]))
  const amendmentOf = (owner: string) => orders.get(owner)?.amendment
  const bodyOfMessage = ({ metric, ...message }: Message, owner: string) => {
    const order = orders.get(owner)
    if (!order) return { unsendable: 'the order no longer exists' }
    if (metric === 'profile') return { unsendable: 'a profile is not an event of an order' }
    return bodyFor(buyers.get(owner) ?? null, (buyer) => {
      const mapped = toEvent({ ...message, metric }, order, buyer, names)
      return 'unsendable' in mapped ? mapped : writeEvent(mapped, bodyOf)
    })
  }
  return prepare(groups, bodyOfMessage, amendmentOf)
}

function writeEvent(
  mapped: { event: Event; warnings: MessageWarning[] },
  bodyOf: (event: Event) => object,
): Written {
  const body = JSON.stringify(bodyOf(mapped.event))
  if (!mayBeOversize(mapped.event, body)) return { body, warnings: mapped.warnings }
  const { event, warnings } = trimEvent(mapped.event)
  return { body: JSON.stringify(bodyOf(event)), warnings: [...mapped.warnings, ...warnings] }
}

/** A visit sends only who came and where; an edit sends all that is stored about the customer. */
export async function prepareProfiles(
  tx: Queryable,
  groups: readonly MessageGroup[],
  bodyOf: (profile: Profile) => object,
): Promise<Prepared> {
  const customers = await loadCustomers(tx, ownersOf(groups))
  return prepare(groups, (message, owner) => {
    const customer = customers.get(owner)
    if (!customer) return { unsendable: 'the customer no longer exists' }
    return bodyFor(toProfile(customer, { store: customer.store, newest: true }), (found) => {
      if (!found) return { unsendable: 'no email or phone number that Klaviyo accepts' }
      const profile = message.ref === 'visit' ? identifierOnly(found.profile) : found.profile
      return { body: JSON.stringify(bodyOf(profile)), warnings: found.warnings }
    })
  })
}

/** `write` is called again with what is left of the profile when Klaviyo rejects an identifier. */
function bodyFor(
  found: ProfileResult | null,
  write: (found: ProfileResult | null) => Written | Unsendable,
): MessageBody | Unsendable {
  const written = write(found)
  if ('unsendable' in written) return written
  return {
    ...written,
    without(rejected) {
      const rest = found && withoutContact(found, rejected)
      const body = rest && bodyFor(rest, write)
      return body && 'body' in body ? body : null
    },
  }
}

const isUpdate = (metric: Metric) => metric !== 'placed_order' && metric !== 'ordered_product'

const ownersOf = (groups: readonly MessageGroup[]) => groups.map(({ owner }) => owner)

function prepare(
  groups: readonly MessageGroup[],
  bodyOf: (message: Message, owner: string) => MessageBody | Unsendable,
  amendmentOf: (owner: string) => number | undefined = () => undefined,
): Prepared {
  const prepared: Prepared = { messages: [], unsendable: [] }
  for (const { owner, messages } of groups) {
    for (const message of messages) {
      const { id, attempts } = message
      const body = bodyOf(message, owner)
      if ('unsendable' in body)
        prepared.unsendable.push({ id, status: 'unsendable', error: body.unsendable })
      else prepared.messages.push({ id, owner, attempts, amendment: amendmentOf(owner), ...body })
    }
  }
  return prepared
}
