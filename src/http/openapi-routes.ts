/** In charge of telling what there is: the OpenAPI document, and a page that shows it with nothing loaded from outside. */
import { readFile } from 'node:fs/promises'
import type { OpenAPIHono, RouteConfig } from '@hono/zod-openapi'
import { html } from 'hono/html'
import { z } from 'zod'
import { AppError } from '../lib/errors.ts'
import { describeErrors } from './endpoint.ts'

const description = `Products, stores, and which product is sold where; orders and their events; the feeds that Klaviyo polls.
Every failure is answered as RFC 9457 problem+json that names the faulty fields.
A method that an address does not take is a 405 with \`Allow\`.`

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

/** What the document tells of itself; its page and the page's parts are for people and stay out. */
const ownPath: RouteConfig = {
  method: 'get',
  path: '/openapi.json',
  operationId: 'getDocument',
  summary: 'This document',
  tags: ['health'],
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
  { name: 'feeds', description: 'What Klaviyo polls, and how it fares' },
  { name: 'customers', description: 'Who buys' },
  { name: 'orders', description: 'What was bought, and what became of it' },
  { name: 'visits', description: 'Who was in which store' },
  { name: 'events', description: 'What Klaviyo is sent, and what it said' },
  { name: 'keys', description: 'Who may do what' },
  { name: 'health', description: 'For balancers and monitors; needs no key' },
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

const start = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#docs', deepLinking: true, validatorUrl: null })`

/** Hung last, so that the document holds every endpoint. */
export function docsRoutes(app: OpenAPIHono, version: string): void {
  app.openAPIRegistry.registerComponent('securitySchemes', 'key', {
    type: 'http',
    scheme: 'bearer',
  })
  app.openAPIRegistry.registerPath(ownPath)
  const document = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: 'storefeed', version, description, license: { name: 'MIT' } },
    servers: [{ url: '/' }],
    tags,
  })
  const known = assets()

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
    const found = known.get(asset)
    if (!found) throw new AppError('not_found', 'There is no such page.')
    const content = await readFile(new URL(found.url))
    return c.body(content, 200, {
      'Content-Type': found.type,
      'Cache-Control': 'public, max-age=86400',
    })
  })
}
