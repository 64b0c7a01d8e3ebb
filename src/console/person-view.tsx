import type { Child } from 'hono/jsx'
import { allows, type Scope } from '../auth/api-keys.ts'
import type { Customer } from '../customers/customer-schemas.ts'
import { type Message, MessageTable } from './messages.tsx'
import { type Order, OrderTable } from './orders.tsx'
import { Facts, PageTitle, Table, Time, TypedConfirmation } from './parts.tsx'
import { nameOf } from './people-parts.tsx'

type PersonProps = {
  person: Customer
  orders: Order[]
  visits: { store_id: string; at: string }[]
  messages: Message[]
  /** Their names by id. */
  stores: Map<string, string>
  scopes: readonly Scope[]
  problem: string | undefined
  /** How many of each can be shown, where not all are. */
  more: number | undefined
}

export function PersonView(props: PersonProps) {
  const { person, orders, visits, messages, stores } = props
  return (
    <>
      <PageTitle
        title={nameOf(person) || person.email || person.id}
        back={['/console/people', 'People']}
      />
      <div class="columns">
        <div>
          <Part title="Orders" none="No orders." rows={orders}>
            <OrderTable orders={orders} stores={stores} />
          </Part>
          <Part title="Visits" none="No visits." rows={visits}>
            <Table
              label="Visits"
              rows={visits}
              columns={[
                {
                  label: 'Store',
                  cell: ({ store_id }) => <StoreLink id={store_id} stores={stores} />,
                },
                { label: 'When', cell: ({ at }) => <Time at={at} /> },
              ]}
            />
          </Part>
          <Part title="Messages to Klaviyo" none="No messages." rows={messages}>
            <MessageTable label="Messages to Klaviyo" messages={messages} />
          </Part>
          {props.more && <More id={person.id} most={props.more} />}
        </div>
        <div>
          <PersonFacts {...props} />
          <Erase {...props} />
        </div>
      </div>
    </>
  )
}

function More({ id, most }: { id: string; most: number }) {
  return (
    <form method="post" action="/console/people/person" class="part">
      <p class="soft">The newest of each are shown.</p>
      <input type="hidden" name="id" value={id} />
      <button type="submit" name="more" value="yes">
        {`Show up to ${most} of each`}
      </button>
    </form>
  )
}

type PartProps = { title: string; none: string; rows: unknown[]; children: Child }

function Part({ title, none, rows, children }: PartProps) {
  return (
    <section class="part">
      <h2>{title}</h2>
      {rows.length > 0 ? children : <p class="soft">{none}</p>}
    </section>
  )
}

const StoreLink = ({ id, stores }: { id: string; stores: Map<string, string> }) => (
  <a href={`/console/stores/${encodeURIComponent(id)}`}>{stores.get(id) ?? id}</a>
)

const addressFields = ['address1', 'address2', 'zip', 'city', 'region', 'country'] as const

function PersonFacts({ person, stores }: PersonProps) {
  const { email, phone_number, most_recent_store_id: store, warnings } = person
  const address = addressFields.flatMap((name) => {
    const value = person[name]
    return value === null || value === '' ? [] : [value]
  })
  const none = <span class="soft">none</span>
  const facts: [string, Child][] = [
    ['E-mail', email ?? none],
    ['Telephone', phone_number ?? none],
    ['Address', address.length > 0 ? address.join(', ') : none],
    ['Last in', store === null ? none : <StoreLink id={store} stores={stores} />],
    ['Last there', <Time at={person.most_recent_store_at} />],
    ['First seen', <Time at={person.created_at} />],
    ['Id', person.id],
    ...Object.entries(person.metadata).map(([name, value]): [string, Child] => [
      name,
      String(value),
    ]),
  ]
  return (
    <aside class="block">
      <h2>What is known</h2>
      <Facts facts={facts} />
      {warnings.length > 0 && (
        <ul class="bullets">
          {warnings.map(({ detail }) => (
            <li>{detail}</li>
          ))}
        </ul>
      )}
    </aside>
  )
}

function Erase({ person: { id }, scopes, problem }: PersonProps) {
  const mayErase = allows(scopes, 'admin')
  return (
    <section class="block" aria-labelledby="erase">
      <h2 id="erase">Erase this person</h2>
      <p class="soft">
        Name, addresses and visits are removed for good, and nothing more about them is sent. Their
        orders stay, without any name. Kept imports that name them are removed. What Klaviyo has,
        only Klaviyo can erase.
      </p>
      {mayErase ? (
        <form class="field" method="post" action="/console/people/erase">
          <input type="hidden" name="id" value={id} />
          <TypedConfirmation toDo="erase, type the id" text={id} problem={problem} />
          <button class="danger" type="submit">
            Erase for good
          </button>
        </form>
      ) : (
        <p>This needs a key with the scope "admin".</p>
      )}
    </section>
  )
}
