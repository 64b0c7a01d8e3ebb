/** How sending goes: both queues in one. */
import {
  causeReport,
  deliverySummary,
  type EventCause,
  type QueueSummary,
} from '../outbox/event-schemas.ts'
import { type Api, read } from './api.ts'

export type DeliveryState = {
  pending: number
  failed: number
  unsendable: number
  sentLastHour: number
  sentLastDay: number
  oldestPendingAt: string | null
  lastSentAt: string | null
  paused: QueueSummary[]
}

export async function readDeliveryState(api: Api): Promise<DeliveryState> {
  const { queues } = await read(api, '/v1/events/summary', deliverySummary)
  const sum = (name: 'pending' | 'failed' | 'unsendable' | 'sent_last_hour' | 'sent_last_day') =>
    queues.reduce((total, queue) => total + queue[name], 0)
  const times = (name: 'oldest_pending_at' | 'last_sent_at') =>
    queues
      .flatMap((queue) => queue[name] ?? [])
      .sort((one, other) => Date.parse(one) - Date.parse(other))
  return {
    pending: sum('pending'),
    failed: sum('failed'),
    unsendable: sum('unsendable'),
    sentLastHour: sum('sent_last_hour'),
    sentLastDay: sum('sent_last_day'),
    oldestPendingAt: times('oldest_pending_at')[0] ?? null,
    lastSentAt: times('last_sent_at').at(-1) ?? null,
    paused: queues.filter(({ pause_reason }) => pause_reason !== null),
  }
}

export const readCauses = async (api: Api): Promise<EventCause[]> =>
  (await read(api, '/v1/events/errors', causeReport)).causes
