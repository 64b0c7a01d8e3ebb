/** How sending goes: both queues in one. */
import { z } from 'zod'
import { type Api, read } from './api.ts'

const summary = z.object({
  queues: z.array(
    z.object({
      queue: z.string(),
      pending: z.number(),
      failed: z.number(),
      unsendable: z.number(),
      oldest_pending_at: z.string().nullable(),
      last_sent_at: z.string().nullable(),
      sent_last_hour: z.number(),
      sent_last_day: z.number(),
      paused_until: z.string().nullable(),
      pause_reason: z.string().nullable(),
    }),
  ),
})
type Queue = z.infer<typeof summary>['queues'][number]

export type DeliveryState = {
  pending: number
  failed: number
  unsendable: number
  sentLastHour: number
  sentLastDay: number
  oldestPendingAt: string | null
  lastSentAt: string | null
  paused: Queue[]
}

export async function readDeliveryState(api: Api): Promise<DeliveryState> {
  const { queues } = await read(api, '/v1/events/summary', summary)
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

const causeReport = z.object({
  causes: z.array(
    z.object({ cause: z.string(), detail: z.string(), count: z.number(), last_at: z.string() }),
  ),
})
export type Cause = z.infer<typeof causeReport>['causes'][number]

export const readCauses = async (api: Api): Promise<Cause[]> =>
  (await read(api, '/v1/events/errors', causeReport)).causes
