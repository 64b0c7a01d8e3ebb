/** Who gets into the console, how long, and what other sites cannot do with it. */
import { randomUUID } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { Hono } from 'hono'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ensureKey, findKey, revokeKey } from '../../src/auth/api-keys.ts'
import { sessionCookie } from '../../src/console/session-cookie.ts'
import { createSignInLink, removeExpiredSessions } from '../../src/console/sessions.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { postForm, sessionOf } from './console.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
  await server.ask('PUT', '/v1/products/p', { title: 'Pan' })
})
afterAll(() => server.stop())

const get = (path: string, cookie = '', headers: Record<string, string> = {}) =>
  fetch(`${server.url}${path}`, { redirect: 'manual', headers: { Cookie: cookie, ...headers } })

async function keyWith(scope: 'feeds' | 'read' | 'write'): Promise<string> {
  const key = `console-${scope}-${randomUUID()}`
  await ensureKey(server.database.db, key, { name: key, scopes: [scope] })
  return key
}

test('a browser is led from / to the console, everything else gets a JSON index', async () => {
  const browser = await get('/', '', { Accept: 'text/html,*/*' })
  expect([browser.status, browser.headers.get('Location')]).toEqual([302, '/console'])
  const index = await fetch(`${server.url}/`)
  expect(await index.json()).toMatchObject({ name: 'storefeed', console: '/console', api: '/docs' })
})

test('without a session a page leads to the sign-in, and back after it', async () => {
  const response = await get('/console/products?q=pan')
  expect(response.status).toBe(303)
  const next = '/console/products?q=pan'
  expect(response.headers.get('Location')).toBe(`/console/sign-in?next=${encodeURIComponent(next)}`)
  const signedIn = await postForm(server.url, '/console/sign-in', { key: server.key, next })
  expect(signedIn.headers.get('Location')).toBe(next)
})

test.each(['https://elsewhere.example/', '//elsewhere.example', '/console/../v1', '/consolex'])(
  'signing in never leads elsewhere: %s',
  async (next) => {
    const response = await postForm(server.url, '/console/sign-in', { key: server.key, next })
    const location = new URL(response.headers.get('Location') ?? '', server.url)
    expect(location.origin).toBe(server.url)
    expect(location.pathname).toMatch(/^\/(console|v1$)/)
  },
)

test('the cookie is for the console only, and no script reads it', async () => {
  const response = await postForm(server.url, '/console/sign-in', { key: server.key })
  const [cookie] = response.headers.getSetCookie()
  expect(cookie).toMatch(
    /^storefeed=[\w-]{43}; Max-Age=604800; Path=\/console; HttpOnly; SameSite=Lax$/,
  )
})

test('over https the cookie is secure', async () => {
  const app = new Hono().get('/', (c) => {
    sessionCookie('https://feeds.example').write(c, 'token')
    return c.body(null)
  })
  const [cookie] = (await app.request('/')).headers.getSetCookie()
  expect(cookie).toMatch(/^__Secure-storefeed=token; .*Path=\/console; HttpOnly; Secure;/)
})

test('the database holds no token', async () => {
  const cookie = await sessionOf(server)
  const rows = await server.database.db.execute(sql`select * from console_sessions`)
  expect(JSON.stringify(rows)).not.toContain(cookie.split('=')[1])
})

test('a key that opens feeds only does not open the console', async () => {
  const key = await keyWith('feeds')
  const response = await postForm(server.url, '/console/sign-in', { key })
  expect(response.status).toBe(422)
  expect(await response.text()).toContain('opens feeds only')
})

test('the 11th wrong key of a minute is refused unread', async () => {
  const strict = await startTestServer({}, { wrongKeys: 10 })
  try {
    for (let tries = 1; tries <= 10; tries++) {
      const response = await postForm(strict.url, '/console/sign-in', { key: `wrong-${tries}` })
      expect(response.status).toBe(422)
    }
    const response = await postForm(strict.url, '/console/sign-in', { key: 'wrong-11' })
    expect(response.status).toBe(429)
    expect(Number(response.headers.get('Retry-After'))).toBeGreaterThan(0)
    expect(
      (await strict.ask('GET', '/v1/products', undefined, { Authorization: 'Bearer no' })).status,
    ).toBe(429)
  } finally {
    await strict.stop()
  }
})

test('revoking the key ends its sessions at once', async () => {
  const key = await keyWith('write')
  const cookie = await sessionOf({ url: server.url, key })
  expect((await get('/console/products', cookie)).status).toBe(200)
  const record = await findKey(server.database.db, { key })
  await revokeKey(server.database.db, record?.id ?? 0)
  expect((await get('/console/products', cookie)).status).toBe(303)
  expect((await get('/console/v1/products', cookie)).status).toBe(401)
})

test('signing out ends this session, signing out everywhere all of the key', async () => {
  const key = await keyWith('read')
  const [one, two, three] = [
    await sessionOf({ url: server.url, key }),
    await sessionOf({ url: server.url, key }),
    await sessionOf({ url: server.url, key }),
  ]
  await postForm(server.url, '/console/sign-out', {}, { Cookie: one })
  expect((await get('/console/products', one)).status).toBe(303)
  expect((await get('/console/products', two)).status).toBe(200)
  await postForm(server.url, '/console/sign-out', { everywhere: 'yes' }, { Cookie: two })
  expect((await get('/console/products', three)).status).toBe(303)
})

test.each([
  ['unused for 12 hours', sql`last_used_at = now() - interval '12 hours 1 second'`],
  ['seven days old', sql`expires_at = now() - interval '1 second'`],
])('a session that is %s has ended, and maintenance removes it', async (_, aged) => {
  const key = await keyWith('read')
  const cookie = await sessionOf({ url: server.url, key })
  const record = await findKey(server.database.db, { key })
  const ofKey = sql`key_id = ${record?.id}`
  await server.database.db.execute(sql`update console_sessions set ${aged} where ${ofKey}`)
  expect((await get('/console/products', cookie)).status).toBe(303)
  await removeExpiredSessions(server.database.db)
  expect(
    await server.database.db.execute(sql`select from console_sessions where ${ofKey}`),
  ).toHaveLength(0)
})

const asPage = { Accept: 'text/html' }
const unescaped = (text: string) =>
  text
    .replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
const hiddenOf = (html: string) =>
  Object.fromEntries(
    [...html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(
      ([, name = '', value = '']) => [name, unescaped(value)],
    ),
  )

test('a form sent after the session ended is kept through the sign-in, and sent again by a button', async () => {
  const typed = { id: 'kept', title: '<script>alert("x")</script>', published: 'true' }
  const answer = await postForm(server.url, '/console/new/products', typed, asPage)
  expect(answer.status).toBe(401)
  const html = await answer.text()
  expect(html).not.toContain('<script>alert')
  const wrong = await postForm(server.url, '/console/sign-in', { ...hiddenOf(html), key: 'wrong' })
  const again = hiddenOf(await wrong.text())
  const signedIn = await postForm(server.url, '/console/sign-in', { ...again, key: server.key })
  expect(signedIn.status).toBe(200)
  const page = await signedIn.text()
  expect(page).toContain('action="/console/new/products"')
  expect(hiddenOf(page)).toEqual(typed)
  expect((await server.ask('GET', '/v1/products/kept')).status).toBe(404)
  const cookie = signedIn.headers.getSetCookie()[0]?.split(';')[0] ?? ''
  await postForm(server.url, '/console/new/products', hiddenOf(page), { Cookie: cookie })
  expect((await server.ask('GET', '/v1/products/kept')).body).toMatchObject({ title: typed.title })
})

test('what is too large to be kept is told, a script gets the sign-in, and another site nothing', async () => {
  const large = { title: 'x'.repeat(600_000) }
  const answer = await postForm(server.url, '/console/new/products', large, asPage)
  expect(await answer.text()).toContain('nothing was saved: it was too much to keep')
  const file = new FormData()
  file.set('file', new File(['id\n1\n'], 'products.csv'))
  const headers = { 'Sec-Fetch-Site': 'same-origin', ...asPage }
  const upload = { method: 'POST', headers, body: file }
  const imported = await fetch(`${server.url}/console/import`, upload)
  expect(await imported.text()).toContain('nothing was saved')
  expect((await postForm(server.url, '/console/new/products', { title: 'x' })).status).toBe(303)
  const other = { ...asPage, 'Sec-Fetch-Site': 'cross-site' }
  expect((await postForm(server.url, '/console/new/products', large, other)).status).toBe(403)
})

test.each(['/console/sign-in', '/console/new/products'])(
  'what is no form leads to the sign-in: %s',
  async (path) => {
    for (const [type, body] of [
      ['application/json', '{"key":'],
      ['multipart/form-data; boundary=x', 'no part'],
      ['multipart/form-data', ''],
    ] as const) {
      const headers = { 'Sec-Fetch-Site': 'same-origin', ...asPage, 'Content-Type': type }
      const response = await fetch(`${server.url}${path}`, { method: 'POST', headers, body })
      expect([401, 422]).toContain(response.status)
    }
  },
)

test('a kept form is never sent elsewhere', async () => {
  for (const again of ['https://elsewhere.example/', '//elsewhere.example', '/v1/products']) {
    const answer = await postForm(server.url, '/console/sign-in', { key: server.key, again })
    expect([answer.status, answer.headers.get('Location')]).toEqual([303, '/console'])
  }
})

test('a link signs in once', async () => {
  const link = await createSignInLink(server.database.db, server.key)
  const first = await get(`/console/sign-in/${link}`)
  expect([first.status, first.headers.get('Location')]).toEqual([303, '/console'])
  const [cookie = ''] = first.headers.getSetCookie()
  expect((await get('/console/products', cookie.split(';')[0])).status).toBe(200)
  expect((await get(`/console/sign-in/${link}`)).status).toBe(403)
  expect((await get('/console/products', `storefeed=${link}`)).status).toBe(303)
})

test.each([
  ['another site', { 'Sec-Fetch-Site': 'cross-site' }],
  ['a sibling', { 'Sec-Fetch-Site': 'same-site' }],
  ['another origin, of a browser that says no more', { Origin: 'https://elsewhere.example' }],
  ['nobody that says where from', {}],
])('a write from %s is a 403', async (_, headers: Record<string, string>) => {
  const cookie = await sessionOf(server)
  for (const path of ['/console/v1/products/p', '/console/products/p/remove']) {
    const response = await fetch(`${server.url}${path}`, {
      method: path.includes('v1') ? 'DELETE' : 'POST',
      headers: { Cookie: cookie, ...headers },
    })
    expect(response.status).toBe(403)
  }
  expect((await server.ask('GET', '/v1/products/p')).status).toBe(200)
})

test('an older browser is known by its Origin', async () => {
  const cookie = await sessionOf(server)
  const response = await fetch(`${server.url}/console/v1/products/older`, {
    method: 'PUT',
    headers: { Cookie: cookie, Origin: server.url, 'Content-Type': 'application/json' },
    body: JSON.stringify({ title: 'Older' }),
  })
  expect(response.status).toBe(201)
})

test('the session has the scopes of its key, and no header can name another', async () => {
  const cookie = await sessionOf({ url: server.url, key: await keyWith('read') })
  const response = await fetch(`${server.url}/console/v1/products/p`, {
    method: 'DELETE',
    headers: {
      Cookie: cookie,
      'Sec-Fetch-Site': 'same-origin',
      Authorization: `Bearer ${server.key}`,
      principal: '{"scopes":["admin"]}',
    },
  })
  expect(response.status).toBe(403)
  const plain = await fetch(`${server.url}/v1/products`, { headers: { Cookie: cookie } })
  expect(plain.status).toBe(401)
})

test('GET /v1/me tells the key, by header and by session', async () => {
  const key = await keyWith('read')
  const byKey = await server.ask('GET', '/v1/me', undefined, { Authorization: `Bearer ${key}` })
  expect(byKey.body).toMatchObject({ name: key, scopes: ['read'], revoked_at: null })
  const bySession = await get('/console/v1/me', await sessionOf({ url: server.url, key }))
  expect(await bySession.json()).toMatchObject({ name: key })
})

test('what a page loads by itself after the session ended leaves the page as it is', async () => {
  for (const path of [
    '/console/deliveries/failed',
    '/console/feeds/to-do',
    '/console/products/p/preview',
  ]) {
    const response = await get(path, '', { 'HX-Request': 'true' })
    const { headers } = response
    expect([response.status, headers.get('HX-Reswap')]).toEqual([401, 'none'])
    expect(headers.get('HX-Redirect')).toBeNull()
  }
})

test('pages are kept by no cache, files of the pages for good; both are compressed', async () => {
  const cookie = await sessionOf(server)
  const page = await get('/console/products', cookie, { 'Accept-Encoding': 'gzip' })
  expect(page.headers.get('Cache-Control')).toBe('no-store')
  expect(page.headers.get('Content-Encoding')).toBe('gzip')
  expect(page.headers.get('Content-Security-Policy')).toContain("default-src 'none'")
  const [script] = /\/console\/assets\/\w+\/list\.js/.exec(await page.text()) ?? []
  const file = await get(script ?? '')
  expect(file.headers.get('Cache-Control')).toContain('immutable')
})

test('lists of the API are compressed, and a record keeps its strong ETag', async () => {
  for (let n = 0; n < 20; n++) await server.ask('PUT', `/v1/products/gz-${n}`, { title: `G ${n}` })
  const list = await server.ask('GET', '/v1/products', undefined, { 'Accept-Encoding': 'gzip' })
  expect(list.headers.get('Content-Encoding')).toBe('gzip')
  const description = 'long '.repeat(1000)
  await server.ask('PUT', '/v1/products/long', { title: 'L', description })
  const one = await server.ask('GET', '/v1/products/long', undefined, { 'Accept-Encoding': 'gzip' })
  expect(one.headers.get('ETag')).toMatch(/^"/)
})
