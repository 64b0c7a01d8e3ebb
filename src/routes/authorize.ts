/** In charge of keys on the way in: which key a request carries, and whether it allows what is asked. */
import type { Context } from 'hono'
import type { Database } from '../db/connect.ts'
import { inTime } from '../db/in-time.ts'
import { Refusal } from '../errors.ts'
import { allows, type Scope, scopesOfKey } from '../services/keys.ts'

/** A pooler may keep a question for minutes while Postgres is away; who asks here is told sooner. */
const patienceMs = 5_000
/** For who would be let in all the same. */
const shortPatienceMs = 1_000

/** Throws a refusal when the request may not do what needs `scope`. */
export type Authorize = (c: Context, scope: Scope) => Promise<void>

/** For the REST API: `Authorization: Bearer …` only, so that a key never stands in a URL that changes something. */
export function bearerAuthorizer(db: Database): Authorize {
  return async (c, scope) =>
    admit(await heldScopes(db, bearerKey(c.req.header('Authorization'))), scope)
}

/** The key in a feed's URL and the header, as they came. */
type FeedCredentials = { key: string | null; authorization: string | undefined }
export type AuthorizeFeed = (given: FeedCredentials) => Promise<void>

/**
 * For feeds, whose pollers know only URLs: `?key=`, the password of Basic, or a Bearer key; none when
 * feeds are public. A key that was good when it was last asked for opens the last good feed while the
 * database is away.
 */
export function feedAuthorizer(db: Database, feedsPublic: boolean): AuthorizeFeed {
  const lastGood = new Map<string, Scope[]>()

  async function scopesOf(key: string): Promise<Scope[] | null> {
    try {
      const patience = lastGood.has(key) ? shortPatienceMs : patienceMs
      const held = await inTime(scopesOfKey(db, key), patience)
      if (held) lastGood.set(key, held)
      else lastGood.delete(key)
      return held
    } catch (error) {
      const held = lastGood.get(key)
      if (!held) throw error
      return held
    }
  }
  return async ({ key, authorization }) => {
    if (feedsPublic) return
    const given = key ?? basicPassword(authorization) ?? bearerKey(authorization)
    admit(given ? await scopesOf(given) : null, 'feeds')
  }
}

async function heldScopes(db: Database, key: string | undefined): Promise<Scope[] | null> {
  return key ? inTime(scopesOfKey(db, key), patienceMs) : null
}

function admit(held: Scope[] | null, scope: Scope): void {
  if (held === null)
    throw new Refusal(
      'unauthorized',
      'The request carries no key, or one that is unknown or revoked.',
    )
  if (!allows(held, scope))
    throw new Refusal(
      'forbidden',
      `This needs a key with the scope "${scope}"; the key given has ${held.map((one) => `"${one}"`).join(', ')}.`,
    )
}

function credentials(header: string | undefined, scheme: string): string | undefined {
  const [given, value] = header?.split(' ', 2) ?? []
  return given?.toLowerCase() === scheme ? value : undefined
}

const bearerKey = (header: string | undefined) => credentials(header, 'bearer')

/** The user name does not matter. */
function basicPassword(header: string | undefined): string | undefined {
  const pair = credentials(header, 'basic')
  return (
    pair &&
    Buffer.from(pair, 'base64')
      .toString()
      .replace(/^[^:]*:/, '')
  )
}
