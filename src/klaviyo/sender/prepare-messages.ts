/** In charge of making claimed messages ready to leave: each becomes JSON text, or is found unsendable. */
import type { Queryable } from '../../db/connection.ts'
import type { Metric } from '../../db/schema/outbox.ts'
import type { Message, MessageGroup, Outcome } from '../../outbox/outbox.ts'
import { type Event, type MetricNames, toBuyer, toEvent } from '../mapping/event.ts'
import { loadOrders, loadPeople } from '../mapping/load-records.ts'
import {
  type Contact,
  identifierOnly,
  type Profile,
  type ProfileResult,
  toProfile,
  withoutContact,
} from '../mapping/profile.ts'
import { mayBeOversize, trimEvent } from '../mapping/truncate.ts'

export type PreparedMessage = { id: number; owner: string; attempts: number } & MessageBody

/** `body` is JSON, as it is sent and kept. */
type Written = { body: string; warnings: string[] }

export type MessageBody = Written & {
  /** The same without an identifier that Klaviyo refused; null when no other is left. */
  without: (refused: Contact) => MessageBody | null
}

/** Parcels stand in the order of each run. */
export type Packed = { parcels: PreparedMessage[]; unsendable: Outcome[] }

type Content = MessageBody | { unsendable: string }
type Told = Written | { unsendable: string }

export async function prepareEvents(
  tx: Queryable,
  runs: readonly MessageGroup[],
  names: MetricNames,
  write: (event: Event) => object,
): Promise<Packed> {
  const withUpdates = runs.some(({ messages }) => messages.some(({ metric }) => isUpdate(metric)))
  const orders = await loadOrders(tx, ownersOf(runs), { withUpdates })
  const buyers = new Map([...orders].map(([id, order]) => [id, toBuyer(order)]))
  return pack(runs, ({ metric, ...message }, owner) => {
    const order = orders.get(owner)
    if (!order) return { unsendable: 'the order is gone' }
    if (metric === 'profile') return { unsendable: 'a profile is no event of an order' }
    return letterAbout(buyers.get(owner) ?? null, (buyer) => {
      const mapped = toEvent({ ...message, metric }, order, buyer, names)
      return 'unsendable' in mapped ? mapped : writeEvent(mapped, write)
    })
  })
}

function writeEvent(
  mapped: { event: Event; warnings: string[] },
  write: (event: Event) => object,
): Told {
  const body = JSON.stringify(write(mapped.event))
  if (!mayBeOversize(mapped.event, body)) return { body, warnings: mapped.warnings }
  const { event, warnings } = trimEvent(mapped.event)
  return { body: JSON.stringify(write(event)), warnings: [...mapped.warnings, ...warnings] }
}

/** A visit tells only who came and where; an edit tells all there is to know of the customer. */
export async function prepareProfiles(
  tx: Queryable,
  runs: readonly MessageGroup[],
  write: (profile: Profile) => object,
): Promise<Packed> {
  const people = await loadPeople(tx, ownersOf(runs))
  return pack(runs, (message, owner) => {
    const person = people.get(owner)
    if (!person) return { unsendable: 'the customer is gone' }
    return letterAbout(toProfile(person, { store: person.store, newest: true }), (known) => {
      if (!known) return { unsendable: 'no e-mail or telephone that Klaviyo accepts' }
      const profile = message.ref === 'visit' ? identifierOnly(known.profile) : known.profile
      return { body: JSON.stringify(write(profile)), warnings: known.warnings }
    })
  })
}

/** `tell` says the same of whatever is known of the person. */
function letterAbout(
  known: ProfileResult | null,
  tell: (known: ProfileResult | null) => Told,
): Content {
  const told = tell(known)
  if ('unsendable' in told) return told
  return {
    ...told,
    without(refused) {
      const rest = known && withoutContact(known, refused)
      const letter = rest && letterAbout(rest, tell)
      return letter && 'body' in letter ? letter : null
    },
  }
}

const isUpdate = (metric: Metric) => metric !== 'placed_order' && metric !== 'ordered_product'

const ownersOf = (runs: readonly MessageGroup[]) => runs.map(({ owner }) => owner)

function pack(
  runs: readonly MessageGroup[],
  read: (message: Message, owner: string) => Content,
): Packed {
  const packed: Packed = { parcels: [], unsendable: [] }
  for (const { owner, messages } of runs) {
    for (const message of messages) {
      const { id, attempts } = message
      const content = read(message, owner)
      if ('unsendable' in content) {
        packed.unsendable.push({ id, status: 'unsendable', error: content.unsendable })
        continue
      }
      packed.parcels.push({ id, owner, attempts, ...content })
    }
  }
  return packed
}
