/** Sign in by API key, or by a link that works once and on this machine only. */
import { getConnInfo } from '@hono/node-server/conninfo'
import type { Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { allows } from '../auth/api-keys.ts'
import { networkOf } from '../auth/credentials.ts'
import type { KeyVerifier } from '../auth/key-verifier.ts'
import type { Database } from '../db/connection.ts'
import { AppError } from '../lib/errors.ts'
import type { ConsoleEnv } from './console-env.ts'
import { page } from './layout.tsx'
import type { SessionCookie } from './session-cookie.ts'
import { startSession, startSessionByLink } from './sessions.ts'

export type SignInDeps = { db: Database; verify: KeyVerifier['verify']; cookie: SessionCookie }

const tooLarge = () => {
  throw new AppError('too_large', 'The form is too large.')
}
export const smallForm = bodyLimit({ maxSize: 20_000, onError: tooLarge })

export function signInRoutes(pages: Hono<ConsoleEnv>, { db, verify, cookie }: SignInDeps): void {
  pages.get('/sign-in', (c) => signInPage(c, { next: c.req.query('next') }))

  pages.post('/sign-in', smallForm, async (c) => {
    const { key, next } = await c.req.parseBody()
    const given = typeof key === 'string' ? key.trim() : ''
    const back = typeof next === 'string' ? next : undefined
    const address = networkOf(getConnInfo(c).remote.address)
    const principal = given === '' ? null : await verify({ address, key: given })
    if (principal === null)
      return signInPage(c, { next: back, error: 'This key is unknown or revoked.', status: 422 })
    if (!allows(principal.scopes, 'read'))
      return signInPage(c, {
        next: back,
        error: 'This key opens feeds only. The console needs one with the scope "read".',
        status: 422,
      })
    const token = await startSession(db, given)
    if (token === null)
      return signInPage(c, { next: back, error: 'This key was just revoked.', status: 422 })
    cookie.write(c, token)
    return c.redirect(pathWithin(back), 303)
  })

  pages.get('/sign-in/:link', async (c) => {
    const isLocal = /^(::1|(::ffff:)?127\.)/.test(getConnInfo(c).remote.address ?? '')
    const token = isLocal ? await startSessionByLink(db, c.req.param('link')) : null
    if (token === null)
      return signInPage(c, {
        error: 'This link was used already, or does not belong to this machine. Sign in by key.',
        status: 403,
      })
    cookie.write(c, token)
    return c.redirect('/console', 303)
  })
}

/** Never to another site. */
const pathWithin = (next: string | undefined) =>
  next !== undefined && /^\/console([/?][\x21-\x7e]*)?$/.test(next) ? next : '/console'

type SignInPage = { next?: string | undefined; error?: string; status?: 403 | 422 }

function signInPage(c: Context<ConsoleEnv>, { next, error, status }: SignInPage) {
  return page(
    c,
    { title: 'Sign in', ...(status ? { status } : {}) },
    <form class="sign-in" method="post" action="/console/sign-in">
      <h1>Sign in to storefeed</h1>
      <p class="soft">With an API key. What it may do, you may do.</p>
      {next && <input type="hidden" name="next" value={next} />}
      <label for="key">API key</label>
      <input
        id="key"
        name="key"
        type="password"
        required
        autocomplete="current-password"
        aria-invalid={error ? 'true' : undefined}
        aria-describedby={error ? 'key-error' : undefined}
        autofocus
      />
      {error && (
        <p class="error" id="key-error" role="alert">
          {error}
        </p>
      )}
      <button class="primary" type="submit">
        Sign in
      </button>
      <p class="soft">
        No key yet? The first start of the server prints one; <code>storefeed keys create</code>{' '}
        makes others.
      </p>
    </form>,
  )
}
