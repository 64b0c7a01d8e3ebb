/** The console: pages for people who edit products, stores and where each is sold. */
import type { OpenAPIHono } from '@hono/zod-openapi'
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { createMiddleware } from 'hono/factory'
import { bodyTooLarge } from '../http/body-limit.ts'
import { compressAnswers } from '../http/compression.ts'
import { maxBodyBytes } from '../http/limits.ts'
import { AppError } from '../lib/errors.ts'
import { apiOf } from './api.ts'
import { type Assets, loadAssets } from './assets.ts'
import { attentionPages } from './attention-page.tsx'
import { availabilityPage } from './availability-page.tsx'
import { bulkPages } from './bulk-page.tsx'
import { changesPages } from './changes-page.tsx'
import type { ConsoleEnv } from './console-env.ts'
import { deliveryChanges } from './deliveries-change.tsx'
import { deliveriesPage } from './deliveries-page.tsx'
import { deliveryPage } from './delivery-page.tsx'
import { respondWithErrorPage } from './error-page.tsx'
import { feedsPage } from './feeds-page.tsx'
import { importPage } from './import-page.tsx'
import { readKept } from './kept-form.tsx'
import { keysPages } from './keys-page.tsx'
import { productKind, storeKind } from './kinds.ts'
import { listPage } from './list-page.tsx'
import { orderPages } from './order-page.tsx'
import { ordersPage } from './orders-page.tsx'
import { overviewPage } from './overview-page.tsx'
import { peoplePages } from './people-page.tsx'
import { previewPage } from './preview-page.tsx'
import { askForProblems } from './problems.tsx'
import { recordPages } from './record-page.tsx'
import { sameOrigin } from './same-origin.ts'
import { sessionCookie } from './session-cookie.ts'
import { endSession, endSessionsOfKey, findSession } from './sessions.ts'
import { signInPage } from './sign-in-page.tsx'
import { type SignInDeps, signInRoutes, smallForm } from './sign-in-routes.tsx'
import { undoPage } from './undo-page.tsx'

export type ConsoleDeps = Omit<SignInDeps, 'cookie'> & { publicUrl: string | null }

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' https: data:",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

const securityHeaders = createMiddleware(async (c, next) => {
  c.header('Content-Security-Policy', policy)
  c.header('X-Content-Type-Options', 'nosniff')
  // Forms post with it, so that other sites are told from this one; elsewhere nothing is sent.
  c.header('Referrer-Policy', 'same-origin')
  c.header('Cross-Origin-Opener-Policy', 'same-origin')
  c.header('Cache-Control', 'no-store')
  await next()
})

const anyForm = bodyLimit({
  maxSize: maxBodyBytes,
  onError: () => {
    throw bodyTooLarge()
  },
})

export function consoleRoutes(app: OpenAPIHono, { db, verify, publicUrl }: ConsoleDeps): void {
  const cookie = sessionCookie(publicUrl)
  const pages = new Hono<ConsoleEnv>()
  pages.onError(respondWithErrorPage)
  pages.use(compressAnswers)
  pages.use(securityHeaders)
  serveAssets(pages)
  pages.use(sameOrigin)
  signInRoutes(pages, { db, verify, cookie })

  pages.use(async (c, next) => {
    const token = cookie.read(c)
    const principal = token === undefined ? null : await findSession(db, token)
    if (principal === null) return signInFirst(c)
    c.set('principal', principal)
    c.set('api', apiOf(app, c.env, principal, publicUrl ?? new URL(c.req.url).origin))
    askForProblems(c)
    return next()
  })
  pages.post('/sign-out', smallForm, async (c) => {
    const { everywhere } = await c.req.parseBody()
    if (everywhere) await endSessionsOfKey(db, c.get('principal').id)
    else await endSession(db, cookie.read(c) ?? '')
    cookie.remove(c)
    return c.redirect('/console/sign-in', 303)
  })
  pages.use(anyForm)
  pages.all('/v1/*', (c) => forward(app, c))
  overviewPage(pages)
  for (const kind of [productKind, storeKind]) {
    listPage(pages, kind)
    recordPages(pages, kind)
    bulkPages(pages, kind)
    previewPage(pages, kind)
  }
  availabilityPage(pages)
  attentionPages(pages)
  feedsPage(pages)
  deliveriesPage(pages)
  deliveryChanges(pages)
  deliveryPage(pages)
  ordersPage(pages)
  orderPages(pages)
  peoplePages(pages)
  keysPages(pages)
  changesPages(pages)
  undoPage(pages)
  importPage(pages)
  pages.all('*', () => {
    throw new AppError('not_found', 'There is no such page.')
  })
  app.route('/console', pages)
}

/** Read at the first request: a server that nobody opens a console of reads none. */
function serveAssets(pages: Hono<ConsoleEnv>): void {
  let loading: Promise<Assets> | undefined
  function assets() {
    loading ??= loadAssets()
    return loading
  }
  pages.use(async (c, next) => {
    c.set('assets', `/console/assets/${(await assets()).version}`)
    await next()
  })
  pages.get('/assets/:version/:name', async (c) => {
    const { version, files } = await assets()
    const file = files.get(c.req.param('name'))
    if (!file) throw new AppError('not_found', 'There is no such file.')
    const isCurrent = c.req.param('version') === version
    const cacheControl = isCurrent ? 'public, max-age=31536000, immutable' : 'no-cache'
    return c.body(file.content, 200, { 'Content-Type': file.type, 'Cache-Control': cacheControl })
  })
}

async function signInFirst(c: Context<ConsoleEnv>) {
  if (c.req.path.startsWith('/console/v1/'))
    throw new AppError('unauthorized', 'Your session has ended. Sign in again.')
  const { pathname, search } = new URL(c.req.url)
  const next = c.req.method === 'GET' ? `?next=${encodeURIComponent(pathname + search)}` : ''
  if (c.req.header('HX-Request') !== undefined) {
    // What a page loads by itself has no id, and must not lead away from what is being typed.
    if (c.req.header('HX-Target') === undefined) return c.body(null, 401, { 'HX-Reswap': 'none' })
    // A part of a page has no room for the sign-in: the browser goes there.
    const shown = c.req.header('HX-Current-URL') ?? ''
    const back = URL.canParse(shown) ? new URL(shown) : { pathname: '/console', search: '' }
    const again = encodeURIComponent(back.pathname + back.search)
    return c.body(null, 200, { 'HX-Redirect': `/console/sign-in?next=${again}` })
  }
  // A script keeps what was typed in its own page.
  const isForm = c.req.method === 'POST' && c.req.header('Accept')?.includes('text/html')
  if (isForm && pathname !== '/console/sign-out')
    return signInPage(c, { kept: await readKept(c), status: 401 })
  return c.redirect(`/console/sign-in${next}`, 303)
}

/** What the scripts of the pages ask of the REST API, as the session's key. */
async function forward(app: OpenAPIHono, c: Context<ConsoleEnv>): Promise<Response> {
  const url = new URL(c.req.url)
  url.pathname = url.pathname.replace(/^\/console/, '')
  const headers = new Headers()
  for (const name of ['Content-Type', 'If-Match']) {
    const value = c.req.header(name)
    if (value !== undefined) headers.set(name, value)
  }
  const { method } = c.req
  const hasBody = method !== 'GET' && method !== 'HEAD'
  const body = hasBody ? { body: await c.req.arrayBuffer() } : {}
  const request = new Request(url, { method, headers, ...body })
  return app.fetch(request, { ...c.env, principal: c.get('principal') })
}
