/** Orders, as the pages show them. */
import { z } from 'zod'
import { orderRecord } from '../orders/order-schemas.ts'
import { type Api, read } from './api.ts'
import { pathOfOrder } from './messages.tsx'
import { Table, Tag, Time } from './parts.tsx'
import { storePage } from './records.ts'

/** Without what pages do not show: plain SQL may have written it otherwise. */
export const order = orderRecord
  .omit({ billing_address: true, shipping_address: true, metadata: true })
  .strip()
export type Order = z.infer<typeof order>

export const orderPage = z.object({ orders: z.array(order), next_cursor: z.string().nullable() })

/** By id, in the order of titles; of very many stores the first 1,000. */
export async function storeNames(api: Api): Promise<Map<string, string>> {
  const { stores } = await read(api, '/v1/stores?limit=1000&sort=title', storePage)
  return new Map(stores.map(({ id, title }) => [id, title]))
}

export const money = (value: number | null, currency: string) =>
  value === null ? '–' : new Intl.NumberFormat('en', { style: 'currency', currency }).format(value)

const tones: Record<string, 'good' | 'bad' | 'warn'> = {
  fulfilled: 'good',
  cancelled: 'bad',
  refunded: 'warn',
}

export const UpdateTag = ({ kind }: { kind: string }) => (
  <Tag tone={tones[kind] ?? 'soft'}>{`${kind.charAt(0).toUpperCase()}${kind.slice(1)}`}</Tag>
)

/** `stores` has their names by id. */
export function OrderTable({ orders, stores }: { orders: Order[]; stores: Map<string, string> }) {
  return (
    <Table
      label="Orders"
      rows={orders}
      columns={[
        { label: 'Order', cell: ({ id }) => <a href={pathOfOrder(id)}>{id}</a> },
        { label: 'Placed', cell: ({ placed_at }) => <Time at={placed_at} /> },
        {
          label: 'Store',
          cell: ({ store_id }) =>
            store_id === null ? <span class="soft">none</span> : (stores.get(store_id) ?? store_id),
        },
        { label: 'Items', cell: ({ items }) => items.length, end: true },
        { label: 'Total', cell: ({ total, currency }) => money(total, currency), end: true },
        {
          label: 'State',
          cell: ({ updates }) => {
            const kinds = [...new Set(updates.map(({ kind }) => kind))]
            return kinds.length === 0 ? <Tag tone="soft">Placed</Tag> : kinds.map(updateTag)
          },
        },
      ]}
    />
  )
}

const updateTag = (kind: string) => (
  <>
    <UpdateTag kind={kind} />{' '}
  </>
)
