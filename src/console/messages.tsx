/** Messages to Klaviyo, as the pages show them. */
import { eventPage, type MessageRecord } from '../outbox/event-schemas.ts'
import { type Api, read } from './api.ts'
import { Table, Tag, Time } from './parts.tsx'

export type Message = MessageRecord

export const listMessages = (api: Api, query: Record<string, string>) =>
  read(api, `/v1/events?${new URLSearchParams(query)}`, eventPage)

export const metricNames: Record<string, string> = {
  placed_order: 'Placed order',
  ordered_product: 'Ordered product',
  fulfilled_order: 'Fulfilled order',
  cancelled_order: 'Cancelled order',
  refunded_order: 'Refunded order',
  returned_order: 'Returned order',
  adjusted_order: 'Adjusted order',
  profile: 'Profile',
}
export const nameOfMetric = (metric: string) => metricNames[metric] ?? metric

export const statusNames: Record<string, string> = {
  pending: 'Waiting',
  sent: 'Sent',
  failed: 'Failed',
  unsendable: 'Cannot be sent',
  discarded: 'Discarded',
}

export const pathOfMessage = (id: number) => `/console/deliveries/${id}`
export const pathOfOrder = (id: string) => `/console/orders/${encodeURIComponent(id)}`

export function StatusTag({ message: { status, attempts } }: { message: Message }) {
  const isRetried = status === 'pending' && attempts > 0
  const name = isRetried ? 'Will be tried again' : (statusNames[status] ?? status)
  return <Tag tone={isRetried ? 'warn' : (tones[status] ?? 'soft')}>{name}</Tag>
}
const tones: Record<string, 'good' | 'bad' | 'warn'> = {
  sent: 'good',
  failed: 'bad',
  unsendable: 'warn',
}

type TableProps = { label: string; messages: Message[]; isOfOneOrder?: boolean }

/** The newest first. */
export function MessageTable({ label, messages, isOfOneOrder = false }: TableProps) {
  return (
    <Table
      label={label}
      rows={messages}
      columns={[
        {
          label: 'Event',
          cell: (row) => (
            <a id={`m-${row.id}`} href={pathOfMessage(row.id)}>
              {nameOfMetric(row.metric)}
            </a>
          ),
        },
        ...(isOfOneOrder ? [] : [{ label: 'Order', cell: orderLink }]),
        { label: 'State', cell: (row) => <StatusTag message={row} /> },
        { label: 'Written', cell: (row) => <Time at={row.created_at} /> },
        { label: 'What happened', cell: (row) => <WhatHappened message={row} /> },
      ]}
    />
  )
}

const orderLink = ({ id, order_id }: Message) =>
  order_id === null ? (
    <span class="soft">–</span>
  ) : (
    <a id={`m-${id}-order`} href={pathOfOrder(order_id)}>
      {order_id}
    </a>
  )

function WhatHappened({ message: { status, error, ...row } }: { message: Message }) {
  if (status === 'sent')
    return (
      <span class="soft">
        Sent <Time at={row.settled_at} />
        {row.warnings.length > 0 && ', with warnings'}
      </span>
    )
  if (status === 'pending')
    return (
      <>
        {error ?? row.pause_reason ?? <span class="soft">Not tried yet</span>}
        <span class="soft">
          {' · next try '}
          <Time at={nextTry(row)} />
        </span>
      </>
    )
  return <>{error ?? ''}</>
}

export const nextTry = ({ next_at, paused_until }: Pick<Message, 'next_at' | 'paused_until'>) =>
  paused_until !== null && Date.parse(paused_until) > Date.parse(next_at) ? paused_until : next_at
