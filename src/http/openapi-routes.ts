/** The OpenAPI document, and a page that shows it and loads nothing from other servers. */
import { readFile } from 'node:fs/promises'
import type { OpenAPIHono, RouteConfig } from '@hono/zod-openapi'
import { html } from 'hono/html'
import { z } from 'zod'
import { AppError } from '../lib/errors.ts'
import { describeErrors } from './contract.ts'

const description = `Products, stores, and which product is sold where; orders and their events; the feeds that Klaviyo polls.
Every error is RFC 9457 problem+json that names the invalid fields.
A method that a path does not allow is a 405 with \`Allow\`.`

const assets = () =>
  new Map([
    [
      'swagger-ui.css',
      {
        type: 'text/css; charset=utf-8',
        url: import.meta.resolve('swagger-ui-dist/swagger-ui.css'),
      },
    ],
    [
      'swagger-ui-bundle.js',
      {
        type: 'text/javascript; charset=utf-8',
        url: import.meta.resolve('swagger-ui-dist/swagger-ui-bundle.js'),
      },
    ],
  ])

const contentSecurityPolicy =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; script-src 'self'"

/** The document lists itself, but not its page, which is for people. */
const ownPath: RouteConfig = {
  method: 'get',
  path: '/openapi.json',
  operationId: 'getDocument',
  summary: 'This document',
  tags: ['health'],
  security: [],
  responses: {
    200: {
      description: 'OpenAPI 3.1',
      content: { 'application/json': { schema: z.looseObject({ openapi: z.string() }) } },
    },
    ...describeErrors([]),
  },
}

const tags = [
  { name: 'products', description: 'What is sold, and in which stores' },
  { name: 'stores', description: 'Where it is sold' },
  { name: 'availability', description: 'Which product is sold in which store, many links at once' },
  { name: 'changes', description: 'Who changed what in the catalog, and undo' },
  { name: 'catalog', description: 'What products and stores have in common' },
  { name: 'feeds', description: 'What Klaviyo polls, and its state' },
  { name: 'customers', description: 'Who buys' },
  { name: 'orders', description: 'Orders with their fulfillments, cancellations and refunds' },
  { name: 'visits', description: 'Who visited which store, and when' },
  { name: 'events', description: 'What is sent to Klaviyo, and its responses' },
  { name: 'imports', description: 'Files: kept for a day, checked, applied; and exports' },
  { name: 'keys', description: 'API keys and their scopes' },
  { name: 'health', description: 'For load balancers and monitoring' },
]

const page = html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>storefeed API</title>
    <link rel="stylesheet" href="/docs/swagger-ui.css" />
    <link rel="icon" href="data:," />
  </head>
  <body>
    <div id="docs"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>`

const start = `SwaggerUIBundle({
  url: '/openapi.json', dom_id: '#docs', deepLinking: true, validatorUrl: null, persistAuthorization: true,
})`

/** To be called last, so that the document holds every endpoint. */
export function docsRoutes(app: OpenAPIHono, version: string): void {
  app.openAPIRegistry.registerPath(ownPath)
  const document = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'storefeed',
      version,
      description,
      license: { name: 'MIT', url: 'https://spdx.org/licenses/MIT.html' },
    },
    servers: [{ url: '/' }],
    tags,
  })
  const files = assets()

  app.get('/openapi.json', (c) => c.json(document))
  app.get('/docs', (c) => {
    c.header('Content-Security-Policy', contentSecurityPolicy)
    return c.html(page)
  })
  app.get('/docs/start.js', (c) =>
    c.body(start, 200, { 'Content-Type': 'text/javascript; charset=utf-8' }),
  )
  app.get('/docs/:asset', async (c) => {
    const asset = c.req.param('asset')
    const found = files.get(asset)
    if (!found) throw new AppError('not_found', 'There is nothing at this path.')
    const content = await readFile(new URL(found.url))
    return c.body(content, 200, {
      'Content-Type': found.type,
      'Cache-Control': 'public, max-age=86400',
    })
  })
}
