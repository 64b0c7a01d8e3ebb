/** The feeds in the OpenAPI document. Polls are answered outside of the endpoints. */
import type { OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { describeErrors } from '../http/contract.ts'
import type { ErrorCode } from '../lib/errors.ts'

const item = z
  .looseObject({ $id: z.string(), $title: z.string(), categories: z.array(z.string()) })
  .meta({ id: 'FeedItem', description: 'One node deep; every other value is a text or a number' })

const file = z.string().meta({
  description: '`products` or `stores`, then `.json` or `.xml`; a part is `products.2-of-8.json`',
  example: 'products.json',
})

const errors: ErrorCode[] = ['unauthorized', 'forbidden', 'not_found', 'unavailable']

export function describeFeeds({ openAPIRegistry: registry }: OpenAPIHono): void {
  // First, as /docs offers them in this order.
  registry.registerComponent('securitySchemes', 'key', { type: 'http', scheme: 'bearer' })
  registry.registerComponent('securitySchemes', 'feed_key', {
    type: 'apiKey',
    in: 'query',
    name: 'key',
  })
  registry.registerComponent('securitySchemes', 'feed_password', {
    type: 'http',
    scheme: 'basic',
    description: 'The key is the password; the user name does not matter.',
  })
  registry.registerPath({
    method: 'get',
    path: '/feeds/{file}',
    operationId: 'pollFeed',
    summary: 'Poll a feed',
    tags: ['feeds'],
    description:
      'Needs a key with the scope `feeds`, unless feeds are public. With `If-None-Match`, an unchanged feed is a 304.',
    security: [{ key: [] }, { feed_key: [] }, { feed_password: [] }],
    request: { params: z.strictObject({ file }) },
    responses: {
      200: {
        description: 'The whole feed',
        content: {
          'application/json': { schema: z.array(item) },
          'application/xml': { schema: z.string() },
        },
      },
      304: { description: 'Nothing has changed' },
      ...describeErrors(errors),
    },
  })
}
