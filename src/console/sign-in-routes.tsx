/** Sign in by API key, or by a link that works once and on this machine only. */
import { getConnInfo } from '@hono/node-server/conninfo'
import type { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { allows } from '../auth/api-keys.ts'
import { networkOf } from '../auth/credentials.ts'
import type { KeyVerifier } from '../auth/key-verifier.ts'
import type { Database } from '../db/connection.ts'
import { AppError } from '../lib/errors.ts'
import type { ConsoleEnv } from './console-env.ts'
import { keptIn, maxSignInBytes, readAnyForm, sendAgainPage } from './kept-form.tsx'
import type { SessionCookie } from './session-cookie.ts'
import { startSession, startSessionByLink } from './sessions.ts'
import { signInPage } from './sign-in-page.tsx'

export type SignInDeps = { db: Database; verify: KeyVerifier['verify']; cookie: SessionCookie }

const tooLarge = () => {
  throw new AppError('too_large', 'The form is too large.')
}
export const smallForm = bodyLimit({ maxSize: 20_000, onError: tooLarge })
const signInForm = bodyLimit({ maxSize: maxSignInBytes, onError: tooLarge })

export function signInRoutes(pages: Hono<ConsoleEnv>, { db, verify, cookie }: SignInDeps): void {
  pages.get('/sign-in', (c) => signInPage(c, { next: c.req.query('next') }))

  pages.post('/sign-in', signInForm, async (c) => {
    const form = (await readAnyForm(c)) ?? new FormData()
    const text = (name: string) => String(form.get(name) ?? '')
    const given = text('key').trim()
    const back = text('next')
    const kept = keptIn(form)
    const refuse = (error: string) =>
      signInPage(c, { next: back, ...(kept ? { kept } : {}), error, status: 422 })
    const address = networkOf(getConnInfo(c).remote.address)
    const principal = given === '' ? null : await verify({ address, key: given })
    if (principal === null) return refuse('This key is unknown or revoked.')
    if (!allows(principal.scopes, 'read'))
      return refuse('This key opens feeds only. The console needs one with the scope "read".')
    const token = await startSession(db, given)
    if (token === null) return refuse('This key was just revoked.')
    cookie.write(c, token)
    if (kept === null || !isWithin(kept.path)) return c.redirect(pathWithin(back), 303)
    c.set('principal', principal)
    return sendAgainPage(c, kept)
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
const isWithin = (path: string) => /^\/console([/?][\x21-\x7e]*)?$/.test(path)
const pathWithin = (next: string) => (isWithin(next) ? next : '/console')
