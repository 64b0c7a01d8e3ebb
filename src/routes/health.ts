/** In charge of telling whether this process lives, and whether it can do its work. */
import { OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import type { Database } from '../db/connect.ts'
import { readFeedStatuses } from '../feeds/feed-status.ts'
import { readPushProblems } from '../services/messages.ts'

export type Health = {
  /** False once the process has begun to stop, so that a balancer sends it nothing more. */
  accepting: () => boolean
}

const alive = z.strictObject({ status: z.literal('alive') })
const readiness = z
  .strictObject({ status: z.enum(['ready', 'not ready']), problems: z.array(z.string()) })
  .meta({ id: 'Readiness' })

export function healthRoutes(db: Database, { accepting }: Health): OpenAPIHono {
  const app = new OpenAPIHono()
  const { openAPIRegistry: registry } = app
  registry.registerPath({
    method: 'get',
    path: '/healthz',
    operationId: 'getHealth',
    summary: 'Whether the process lives',
    tags: ['health'],
    responses: { 200: described('It does', alive) },
  })
  app.get('/healthz', (c) => c.json({ status: 'alive' }))

  registry.registerPath({
    method: 'get',
    path: '/readyz',
    operationId: 'getReadiness',
    summary: 'Whether the server can do its work',
    tags: ['health'],
    responses: {
      200: described('It can; a feed that is held is told', readiness),
      503: described('The server is stopping, or its database does not answer', readiness),
    },
  })
  /** A held feed or a key that Klaviyo refuses is told, and is no reason to send polls elsewhere: every copy of the server serves the same. */
  app.get('/readyz', async (c) => {
    const stopping = { status: 'not ready', problems: ['The server is stopping.'] }
    if (!accepting()) return c.json(stopping, 503)
    try {
      const feeds = await readFeedStatuses(db)
      const held = feeds.flatMap((feed) => (feed.state === 'held' ? feed.warnings : []))
      const problems = [...held, ...(await readPushProblems(db))]
      // The stop may have begun meanwhile.
      return accepting() ? c.json({ status: 'ready', problems }) : c.json(stopping, 503)
    } catch {
      return c.json({ status: 'not ready', problems: ['The database does not answer.'] }, 503)
    }
  })
  return app
}

const described = (description: string, schema: z.ZodType) => ({
  description,
  content: { 'application/json': { schema } },
})
