/** In charge of the figures for Prometheus: what each feed holds and how it fares, read from the database when asked. */
import { OpenAPIHono } from '@hono/zod-openapi'
import { Gauge, Registry } from 'prom-client'
import { z } from 'zod'
import type { Database } from '../db/connect.ts'
import { type FeedStatus, readFeedStatuses } from '../feeds/feed-status.ts'
import type { Authorize } from './authorize.ts'
import { describeRefusal } from './endpoint.ts'

const secondsSince = (time: string | null | undefined) =>
  time ? (Date.now() - Date.parse(time)) / 1000 : 0

/** Name, meaning, and value of each gauge; all have the label `feed`. */
const gauges: [name: string, help: string, value: (status: FeedStatus) => number][] = [
  ['items', 'Items that are served', ({ items }) => items],
  ['version', 'Version that is served', ({ version }) => version],
  [
    'held',
    '1 while a refresh that lost too many items is held back',
    ({ held_since }) => (held_since ? 1 : 0),
  ],
  [
    'notes_waiting',
    'Notes of changes that no refresh has taken',
    ({ notes_waiting }) => notes_waiting,
  ],
  [
    'notes_oldest_seconds',
    'Age of the oldest of them',
    ({ oldest_note_at }) => secondsSince(oldest_note_at),
  ],
  [
    'poll_age_seconds',
    'Since the last poll; 0 before the first',
    ({ last_polls }) => secondsSince(last_polls[0]?.at),
  ],
  [
    'poll_overdue',
    '1 when no poll came for seven hours',
    ({ poll_overdue }) => (poll_overdue ? 1 : 0),
  ],
]

/** Needs a key: how a business fares is not for everybody. */
export function metricsRoutes(db: Database, authorize: Authorize): OpenAPIHono {
  const app = new OpenAPIHono()
  app.openAPIRegistry.registerPath({
    method: 'get',
    path: '/metrics',
    operationId: 'getMetrics',
    summary: 'Figures for Prometheus',
    tags: ['health'],
    description: 'Needs a key with the scope `read`.',
    security: [{ key: [] }],
    responses: {
      200: {
        description: 'In the text format of Prometheus',
        content: { 'text/plain': { schema: z.string() } },
      },
      401: describeRefusal('unauthorized'),
      403: describeRefusal('forbidden'),
      429: describeRefusal('too_many_requests'),
      503: describeRefusal('unavailable'),
    },
  })
  app.get('/metrics', async (c) => {
    await authorize(c, 'read')
    const registry = new Registry()
    const statuses = await readFeedStatuses(db)
    for (const [name, help, value] of gauges) {
      const gauge = new Gauge({
        name: `storefeed_feed_${name}`,
        help,
        labelNames: ['feed'],
        registers: [registry],
      })
      for (const status of statuses) gauge.set({ feed: status.feed }, value(status))
    }
    return c.body(await registry.metrics(), 200, { 'Content-Type': registry.contentType })
  })
  return app
}
