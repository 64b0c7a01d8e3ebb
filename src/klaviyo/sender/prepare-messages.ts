/** Turns claimed messages into the JSON that is sent. */
import type { Queryable } from '../../db/connection.ts'
import type { Metric } from '../../db/schema/outbox.ts'
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
  type Unreachable,
  withoutContact,
} from '../mapping/profile.ts'
import { mayBeOversize, trimEvent } from '../mapping/truncate.ts'

export type PreparedMessage = { id: number; owner: string; attempts: number } & MessageBody

/** `body` is JSON, as it is sent and stored. */
type Written = { body: string; warnings: string[] }

export type MessageBody = Written & {
  /** The same without an identifier that Klaviyo rejected, and why it is omitted; null when no other is left. */
  without: (rejected: Contact, why: string) => MessageBody | null
}

type Unsendable = { unsendable: string; warnings?: string[] }

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
  return prepare(groups, ({ metric, ...message }, owner) => {
    const order = orders.get(owner)
    if (!order) return { unsendable: 'the order no longer exists' }
    if (metric === 'profile') return { unsendable: 'a profile is not an event of an order' }
    return bodyFor(buyers.get(owner) ?? toBuyer(order), (buyer) => {
      const mapped = toEvent({ ...message, metric }, order, buyer, names)
      return 'unsendable' in mapped ? mapped : writeEvent(mapped, bodyOf)
    })
  })
}

function writeEvent(
  mapped: { event: Event; warnings: string[] },
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
      const warnings = [...new Set([...customer.warnings, ...found.warnings])]
      if (!found.profile)
        return { unsendable: 'no email or phone number that Klaviyo accepts', warnings }
      const profile = message.ref === 'visit' ? identifierOnly(found.profile) : found.profile
      return { body: JSON.stringify(bodyOf(profile)), warnings }
    })
  })
}

/** `write` is called again with what is left of the profile when Klaviyo rejects an identifier. */
function bodyFor(
  found: ProfileResult | Unreachable,
  write: (found: ProfileResult | Unreachable) => Written | Unsendable,
): MessageBody | Unsendable {
  const written = write(found)
  if ('unsendable' in written) return written
  return {
    ...written,
    without(rejected, why) {
      const rest = found.profile && withoutContact(found, rejected, why)
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
): Prepared {
  const prepared: Prepared = { messages: [], unsendable: [] }
  for (const { owner, messages } of groups) {
    for (const message of messages) {
      const { id, attempts } = message
      const body = bodyOf(message, owner)
      if ('unsendable' in body)
        prepared.unsendable.push({
          id,
          status: 'unsendable',
          error: body.unsendable,
          warnings: body.warnings ?? [],
        })
      else prepared.messages.push({ id, owner, attempts, ...body })
    }
  }
  return prepared
}
