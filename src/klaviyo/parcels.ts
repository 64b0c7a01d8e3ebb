/** In charge of making claimed messages ready to leave: each becomes JSON text, or is found unsendable. */
import type { Queryable } from '../db/connect.ts'
import type { Metric } from '../db/schema/outbox.ts'
import type { Message, Outcome, Run } from '../outbox.ts'
import { type Event, type MetricNames, toBuyer, toEvent } from './event.ts'
import { loadOrders, loadPeople } from './load-records.ts'
import { mayBeOversize, trimEvent } from './oversize.ts'
import {
  type Contact,
  identifierOnly,
  type Known,
  type Profile,
  toProfile,
  withoutContact,
} from './profile.ts'

export type Parcel = { id: number; owner: string; attempts: number } & Letter

/** `body` is JSON, as it is sent and kept. */
type Written = { body: string; warnings: string[] }

export type Letter = Written & {
  /** The same without an identifier that Klaviyo refused; null when no other is left. */
  without: (refused: Contact) => Letter | null
}

/** Parcels stand in the order of each run. */
export type Packed = { parcels: Parcel[]; unsendable: Outcome[] }

type Content = Letter | { unsendable: string }
type Told = Written | { unsendable: string }

export async function packEvents(
  tx: Queryable,
  runs: readonly Run[],
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
export async function packProfiles(
  tx: Queryable,
  runs: readonly Run[],
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
function letterAbout(known: Known | null, tell: (known: Known | null) => Told): Content {
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

const ownersOf = (runs: readonly Run[]) => runs.map(({ owner }) => owner)

function pack(runs: readonly Run[], read: (message: Message, owner: string) => Content): Packed {
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
