/** `/`: a browser is led to the console, everything else gets an index. */
import type { OpenAPIHono } from '@hono/zod-openapi'

export function startPage(app: OpenAPIHono, version: string): void {
  const index = {
    name: 'storefeed',
    version,
    console: '/console',
    api: '/docs',
    openapi: '/openapi.json',
    health: '/readyz',
    feeds: ['/feeds/products.json', '/feeds/stores.json'],
  }
  app.get('/', (c) => {
    c.header('Vary', 'Accept')
    return (c.req.header('Accept') ?? '').includes('text/html')
      ? c.redirect('/console')
      : c.json(index)
  })
}
