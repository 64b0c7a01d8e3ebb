/** What a browser gets at `/`. */
import type { OpenAPIHono } from '@hono/zod-openapi'
import { html } from 'hono/html'
import { AppError } from '../lib/errors.ts'

const page = html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>storefeed</title>
    <link rel="icon" href="data:," />
  </head>
  <body>
    <h1>storefeed</h1>
    <ul>
      <li><a href="/docs">REST API</a></li>
      <li><a href="/feeds/products.json">Product feed</a> (<a href="/feeds/products.xml">XML</a>)</li>
      <li><a href="/feeds/stores.json">Store feed</a> (<a href="/feeds/stores.xml">XML</a>)</li>
      <li><a href="/readyz">State of the server</a></li>
    </ul>
    <p>A feed needs its key: add <code>?key=…</code> to its address, or give the key as the password.</p>
  </body>
</html>`

export function startPage(app: OpenAPIHono): void {
  app.get('/', (c) => {
    if (!(c.req.header('Accept') ?? '').includes('text/html'))
      throw new AppError('not_found', 'There is nothing at this path. See /docs.')
    c.header('Content-Security-Policy', "default-src 'none'; img-src data:")
    c.header('Vary', 'Accept')
    return c.html(page)
  })
}
