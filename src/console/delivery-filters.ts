/** Which messages: as it stands in the address, and as the REST API takes it. */
import { type Filters, readFilters, withQuery } from './filters.tsx'

const names = ['status', 'metric', 'order_id', 'cause', 'from', 'to']

export const readDeliveryFilters = (query: Filters): Filters => readFilters(names, query)

const dayMs = 86_400_000
const isDay = (text: string) => /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text))

/** Days are those of UTC, the last one included. What is no day is left to the API, which says so. */
export function periodOf(from: string | undefined, to: string | undefined) {
  return {
    ...(from === undefined ? {} : { since: isDay(from) ? `${from}T00:00:00Z` : from }),
    ...(to === undefined
      ? {}
      : { until: isDay(to) ? new Date(Date.parse(to) + dayMs).toISOString() : to }),
  }
}

export const apiFilters = ({ from, to, ...others }: Filters): Filters => ({
  ...others,
  ...periodOf(from, to),
})

const states: Record<string, [before: string, after: string]> = {
  pending: ['waiting', ''],
  failed: ['failed', ''],
  unsendable: ['', 'that cannot be sent'],
  discarded: ['discarded', ''],
}

/** "3 failed messages of order 1234". */
export function inWords(count: number, { status = 'failed', ...given }: Filters): string {
  const [before = '', after = ''] = states[status] ?? []
  return [
    count.toLocaleString('en'),
    before,
    count === 1 ? 'message' : 'messages',
    after,
    given.metric && `of the event ${given.metric.replaceAll('_', ' ')}`,
    given.order_id && `of order ${given.order_id}`,
    given.cause && 'of this cause',
    given.from && `written from ${given.from}`,
    given.to && `until ${given.to}`,
  ]
    .filter(Boolean)
    .join(' ')
}

export const deliveriesUrl = (filters: Filters) => withQuery('/console/deliveries', filters)
