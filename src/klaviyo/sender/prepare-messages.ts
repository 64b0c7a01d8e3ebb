/** Turns claimed messages into the JSON that is sent. */
import type { Queryable } from '../../db/connection.ts'
import { postgresCode, postgresError } from '../../db/postgres-error.ts'
import { savepoint } from '../../db/savepoint.ts'
import type { Metric } from '../../db/schema/outbox.ts'
import { type Warning, withoutRepeats } from '../../lib/warning.ts'
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
  unknownStore,
  withoutContact,
} from '../mapping/profile.ts'
import type { CustomerWithStore, OrderRecord } from '../mapping/records.ts'
import { mayBeOversize, shrinkEvent, trimEvent } from '../mapping/truncate.ts'

export type PreparedMessage = {
  id: number
  owner: string
  attempts: number
  /** The newest amendment of the order that the event contains. */
  amendment?: number | undefined
} & MessageBody

/** `body` is JSON, as it is sent and stored. `smaller` is null when nothing more can be left out. */
type Written = { body: string; warnings: Warning[]; smaller: () => Written | null }

export type MessageBody = Written & {
  /** The same without an identifier that Klaviyo rejected, and why it is omitted; null when no other is left. */
  without: (rejected: Contact, why: string) => MessageBody | null
}

type Unsendable = { unsendable: string; warnings?: Warning[] }

/** In the order of each group. `setAside` is what has nobody to be about, and what cannot be built. */
type Prepared = { messages: PreparedMessage[]; setAside: SetAside[] }
type SetAside = Extract<Outcome, { status: 'unsendable' | 'failed' }>

/** `records` are what was read together with the claim; null: they are read now. */
type Prepare<Owner> = { groups: readonly MessageGroup[]; records: readonly Owner[] | null }

export async function prepareEvents(
  tx: Queryable,
  { groups, records }: Prepare<OrderRecord>,
  names: MetricNames,
  bodyOf: (event: Event) => object,
): Promise<Prepared> {
  const withUpdates = groups.some(({ messages }) => messages.some(({ metric }) => isUpdate(metric)))
  const orders = records
    ? byId(records)
    : await loadEach(tx, groups, (ids) => loadOrders(tx, ids, { withUpdates }))
  // Mapped once for all events of an order: parsing phone numbers is slow.
  const buyers = new Map<OrderRecord, ProfileResult | Unreachable>()
  const buyerOf = (order: OrderRecord) => {
    const buyer = buyers.get(order) ?? toBuyer(order)
    buyers.set(order, buyer)
    return buyer
  }
  const bodyOfMessage = ({ metric, ...message }: Message, order: OrderRecord | undefined) => {
    if (!order) return { unsendable: 'the order no longer exists' }
    if (metric === 'profile') return { unsendable: 'a profile is not an event of an order' }
    return bodyFor(buyerOf(order), (buyer) => {
      const mapped = toEvent({ ...message, metric }, order, buyer, names)
      return 'unsendable' in mapped ? mapped : writeEvent(mapped, bodyOf)
    })
  }
  return prepare(groups, orders, bodyOfMessage, (order) => order.amendment)
}

function writeEvent(
  mapped: { event: Event; warnings: Warning[] },
  bodyOf: (event: Event) => object,
): Written {
  const body = JSON.stringify(bodyOf(mapped.event))
  if (!mayBeOversize(mapped.event, body)) return written(body, mapped, bodyOf)
  const { event, warnings } = trimEvent(mapped.event)
  const trimmed = { event, warnings: [...mapped.warnings, ...warnings] }
  return written(JSON.stringify(bodyOf(event)), trimmed, bodyOf)
}

function written(
  body: string,
  { event, warnings }: { event: Event; warnings: Warning[] },
  bodyOf: (event: Event) => object,
): Written {
  const smaller = () => {
    const shrunk = shrinkEvent(event)
    if (!shrunk) return null
    const rest = { event: shrunk.event, warnings: withoutRepeats(warnings, shrunk.warnings) }
    return written(JSON.stringify(bodyOf(rest.event)), rest, bodyOf)
  }
  return { body, warnings, smaller }
}

/** A visit sends only who came and where; an edit sends all that is stored about the customer. */
export async function prepareProfiles(
  tx: Queryable,
  { groups, records }: Prepare<CustomerWithStore>,
  bodyOf: (profile: Profile) => object,
): Promise<Prepared> {
  const customers = records
    ? byId(records)
    : await loadEach(tx, groups, (ids) => loadCustomers(tx, ids))
  return prepare(groups, customers, (message, customer) => {
    if (!customer) return { unsendable: 'the customer no longer exists' }
    return bodyFor(toProfile(customer, { store: customer.store, newest: true }), (found) => {
      const ofStore = unknownStore(customer.store)
      const warnings = withoutRepeats(customer.warnings, [...found.warnings, ...ofStore])
      if (!found.profile)
        return { unsendable: 'no email or phone number that Klaviyo accepts', warnings }
      const profile = message.ref === 'visit' ? identifierOnly(found.profile) : found.profile
      const body = JSON.stringify(bodyOf(profile))
      return { body, warnings, smaller: () => null }
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

/** What could not be read of an owner: its messages fail, and no others. */
type Unreadable = { unreadable: unknown }

/** All at once; when that fails because of what a row holds, one by one. */
async function loadEach<T extends { id: string }>(
  tx: Queryable,
  groups: readonly MessageGroup[],
  load: (ids: readonly string[]) => Promise<T[]>,
): Promise<Map<string, T | Unreadable>> {
  const ids = groups.map(({ owner }) => owner)
  try {
    return byId(await savepoint(tx, () => load(ids)))
  } catch (error) {
    if (!isAboutData(error)) throw error
  }
  const loaded = new Map<string, T | Unreadable>()
  for (const id of ids) {
    try {
      for (const record of await savepoint(tx, () => load([id]))) loaded.set(id, record)
    } catch (error) {
      if (!isAboutData(error)) throw error
      loaded.set(id, { unreadable: error })
    }
  }
  return loaded
}

const byId = <T extends { id: string }>(records: readonly T[]): Map<string, T> =>
  new Map(records.map((record) => [record.id, record]))

/** SQLSTATE classes: data exception, program limit exceeded. */
const isAboutData = (error: unknown) => /^(22|54)/.test(postgresCode(error) ?? '')

function readable<T extends object>(found: T | Unreadable | undefined): T | undefined {
  if (found && 'unreadable' in found) throw found.unreadable
  return found
}

function prepare<T extends object>(
  groups: readonly MessageGroup[],
  records: Map<string, T | Unreadable>,
  bodyOf: (message: Message, record: T | undefined) => MessageBody | Unsendable,
  amendmentOf: (record: T) => number | undefined = () => undefined,
): Prepared {
  const prepared: Prepared = { messages: [], setAside: [] }
  for (const { owner, messages } of groups) {
    const found = records.get(owner)
    for (const message of messages) {
      const { id, attempts } = message
      const body = tryToBuild(() => {
        const record = readable(found)
        const built = bodyOf(message, record)
        return 'body' in built ? { ...built, amendment: record && amendmentOf(record) } : built
      })
      if ('body' in body) prepared.messages.push({ id, owner, attempts, ...body })
      else if ('unsendable' in body) {
        const { unsendable: error, warnings = [] } = body
        prepared.setAside.push({ id, status: 'unsendable', error, warnings })
      } else prepared.setAside.push({ id, status: 'failed', error: body.failed })
    }
  }
  return prepared
}

/** A fault of one record, or of the code that maps it, may not stop all others. */
function tryToBuild<Built>(build: () => Built): Built | { failed: string } {
  try {
    return build()
  } catch (error) {
    const cause = postgresError(error) ?? error
    const reason = cause instanceof Error ? cause.message : String(cause)
    return { failed: `the event cannot be built from what is stored: ${reason}` }
  }
}
