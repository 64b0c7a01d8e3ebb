import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { sessionSeconds } from './sessions.ts'

export type SessionCookie = {
  read: (c: Context) => string | undefined
  write: (c: Context, token: string) => void
  remove: (c: Context) => void
}

/** Of the console's pages only. Over https no page of another protocol can set it either. */
export function sessionCookie(publicUrl: string | null): SessionCookie {
  const secure = publicUrl?.startsWith('https:') ?? false
  const name = secure ? '__Secure-storefeed' : 'storefeed'
  const options = { path: '/console', httpOnly: true, sameSite: 'Lax', secure } as const
  return {
    read: (c) => getCookie(c, name),
    write: (c, token) => setCookie(c, name, token, { ...options, maxAge: sessionSeconds }),
    remove: (c) => {
      deleteCookie(c, name, options)
    },
  }
}
