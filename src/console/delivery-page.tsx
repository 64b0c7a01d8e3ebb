/** One message: what became of it, and what was sent. */
import type { Hono } from 'hono'
import type { Child } from 'hono/jsx'
import { z } from 'zod'
import { messageRecord } from '../outbox/event-schemas.ts'
import { read } from './api.ts'
import { type ConsoleEnv, may } from './console-env.ts'
import { page } from './layout.tsx'
import {
  listMessages,
  type Message,
  nameOfMetric,
  nextTry,
  pathOfMessage,
  pathOfOrder,
  StatusTag,
  statusNames,
} from './messages.tsx'
import { Facts, PageTitle, Time } from './parts.tsx'
import { PersonButton } from './people-parts.tsx'
import { webAddress } from './records.ts'

export function deliveryPage(pages: Hono<ConsoleEnv>): void {
  /** Where the sandbox leads from an event, of which it knows no more than this. */
  pages.get('/deliveries/of', async (c) => {
    const { unique_id = '', metric = '' } = c.req.query()
    const { events } = await listMessages(c.get('api'), { unique_id, limit: '10' })
    const found = events.find((one) => nameSent(one) === metric) ?? events[0]
    return c.redirect(found ? pathOfMessage(found.id) : '/console/deliveries', 303)
  })
  pages.get('/deliveries/:id{[0-9]+}', async (c) => {
    const path = `/v1/events/${c.req.param('id')}`
    const message = await read(c.get('api'), path, messageRecord)
    const name = nameOfMetric(message.metric)
    const mayWrite = may(c, 'write')
    return page(
      c,
      { title: message.order_id === null ? name : `${name} ${message.order_id}` },
      <>
        <PageTitle
          title={message.order_id === null ? name : `${name} · ${message.order_id}`}
          back={['/console/deliveries', 'Deliveries']}
        >
          {mayWrite && message.status !== 'sent' && <Actions message={message} />}
        </PageTitle>
        <div class="columns">
          <div>
            {message.error !== null && (
              <section class="block alert" aria-labelledby="error">
                <h2 id="error">
                  {message.status === 'unsendable' ? 'Why it cannot be sent' : 'Klaviyo’s answer'}
                </h2>
                <p>{message.error}</p>
              </section>
            )}
            <Warnings message={message} />
            <Timeline message={message} />
            <Payload message={message} />
          </div>
          <aside class="block">
            <h2>
              <StatusTag message={message} />
            </h2>
            <MessageFacts message={message} />
          </aside>
        </div>
        <Refresh message={message} refreshes={c.req.query('refresh')} />
      </>,
    )
  })
}

const maxRefreshes = 40

/** Shows what becomes of a retry, for two minutes. */
function Refresh({ message, refreshes }: { message: Message; refreshes: string | undefined }) {
  const number = Number(refreshes ?? maxRefreshes)
  if (message.status !== 'pending' || !(number < maxRefreshes)) return null
  return (
    <div
      hidden
      hx-get={`${pathOfMessage(message.id)}?refresh=${number + 1}`}
      hx-trigger="load delay:3s"
      hx-select="main > *"
      hx-target="#main"
    />
  )
}

const sentEvent = z.object({
  data: z.object({
    attributes: z.object({
      metric: z.object({ data: z.object({ attributes: z.object({ name: z.string() }) }) }),
    }),
  }),
})
const trackedEvent = z.object({ event: z.string() })

/** The event's name in Klaviyo; undefined of a profile, and before the first try. */
function nameSent({ payload }: Message): string | undefined {
  const sent = sentEvent.safeParse(payload)
  if (sent.success) return sent.data.data.attributes.metric.data.attributes.name
  return trackedEvent.safeParse(payload).data?.event
}

/** Undefined where no sandbox shows it: Klaviyo itself has no page of one event. */
function sandboxAddress(message: Message): string | undefined {
  const { sent_to, unique_id } = message
  const address = webAddress(sent_to)
  if (address === undefined || /(^|\.)klaviyo\.com$/.test(new URL(address).hostname)) return
  const metric = nameSent(message)
  if (metric === undefined) return address
  return `${address.replace(/\/$/, '')}/?${new URLSearchParams({ unique_id, metric })}`
}

function Actions({ message: { id, status } }: { message: Message }) {
  return (
    <div class="actions">
      <form method="post" action={`${pathOfMessage(id)}/retry`}>
        <button class="primary" type="submit">
          {status === 'pending' ? 'Try now' : 'Retry'}
        </button>
      </form>
      {status !== 'discarded' && (
        <form method="post" action={`${pathOfMessage(id)}/discard`}>
          <button class="danger" type="submit">
            Discard
          </button>
        </form>
      )}
    </div>
  )
}

function Warnings({ message: { warnings } }: { message: Message }) {
  if (warnings.length === 0) return null
  return (
    <section class="block" aria-labelledby="warnings">
      <h2 id="warnings">Warnings</h2>
      <ul class="bullets">
        {warnings.map(({ detail }) => (
          <li>{detail}</li>
        ))}
      </ul>
    </section>
  )
}

type Moment = { at: string; text: Child }

function momentsOf(message: Message): Moment[] {
  const { occurred_at, created_at, status, attempts, settled_at } = message
  const tries = attempts === 1 ? 'once' : `${attempts} times`
  const moments: (Moment | false)[] = [
    { at: occurred_at, text: 'Happened' },
    { at: created_at, text: message.backfill ? 'Written, as history: no flow starts' : 'Written' },
    status === 'pending' && {
      at: nextTry(message),
      text:
        attempts > 0
          ? `Tried ${tries} so far; the next try`
          : (message.pause_reason ?? 'The first try'),
    },
    status !== 'pending' &&
      settled_at !== null && {
        at: settled_at,
        text: `${statusNames[status] ?? status}${attempts > 0 ? `, tried ${tries}` : ''}`,
      },
  ]
  return moments.filter((moment) => moment !== false)
}

function Timeline({ message }: { message: Message }) {
  return (
    <section class="block" aria-labelledby="timeline">
      <h2 id="timeline">What happened</h2>
      <ol class="timeline">
        {momentsOf(message).map(({ at, text }) => (
          <li>
            <span>{text}</span>
            <span class="soft">
              <Time at={at} />
              {` · ${at.slice(0, 19).replace('T', ' ')} UTC`}
            </span>
          </li>
        ))}
      </ol>
    </section>
  )
}

function Payload({ message: { payload, status } }: { message: Message }) {
  return (
    <section class="block" aria-labelledby="payload">
      <h2 id="payload">What was sent</h2>
      {payload === null ? (
        <p class="soft">
          {status === 'pending'
            ? 'Nothing yet: it is built from the order when it is sent.'
            : 'Nothing is kept of it.'}
        </p>
      ) : (
        <pre tabindex={0}>{JSON.stringify(payload, null, 2)}</pre>
      )}
    </section>
  )
}

function MessageFacts({ message }: { message: Message }) {
  const sandbox = sandboxAddress(message)
  const facts: [string, Child][] = [
    ['Event', nameSent(message) ?? nameOfMetric(message.metric)],
    ...(message.order_id === null
      ? []
      : [['Order', <a href={pathOfOrder(message.order_id)}>{message.order_id}</a>] as const]),
    ...(message.customer_id === null
      ? []
      : [['Person', <PersonButton id={message.customer_id} />] as const]),
    ['Id in Klaviyo', <code>{message.unique_id}</code>],
    ['Request', message.request_id ?? <span class="soft">none</span>],
    ['Number', String(message.id)],
    ...(message.sent_to === null ? [] : [['Sent to', message.sent_to] as const]),
  ].map(([name, value]) => [String(name), value])
  return (
    <>
      <Facts facts={facts} />
      {sandbox && (
        <p class="actions">
          <a class="button" href={sandbox}>
            See it in the sandbox
          </a>
        </p>
      )}
    </>
  )
}
