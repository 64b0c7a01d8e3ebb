/** Sessions of the console: in the database, so that any copy of the server knows them and a revoked key ends its own. */
import { randomBytes } from 'node:crypto'
import { type SQL, sql } from 'drizzle-orm'
import { hashOf } from '../auth/api-keys.ts'
import type { Principal } from '../auth/principal.ts'
import type { Queryable } from '../db/connection.ts'
import { apiKeys } from '../db/schema/api-keys.ts'
import { consoleSessions } from '../db/schema/console-sessions.ts'

export const sessionSeconds = 7 * 86_400

const isAlive = sql`s.expires_at > now() and s.last_used_at > now() - interval '12 hours'`

/** The token of a new session; null when the key is unknown or revoked. */
export const startSession = (db: Queryable, key: string): Promise<string | null> =>
  insert(db, sql`k.hash = ${hashOf(key)}`)

/** The token of a link that starts one session. */
export const createSignInLink = (db: Queryable, key: string): Promise<string | null> =>
  insert(db, sql`k.hash = ${hashOf(key)}`, true)

/** The token of a new session; null when the link was used already or is no link. */
export async function startSessionByLink(db: Queryable, link: string): Promise<string | null> {
  const used = await db.execute<{ key_id: number }>(sql`
    delete from ${consoleSessions} s where s.hash = ${hashOf(link)} and s.is_link and ${isAlive}
    returning s.key_id`)
  const keyId = used[0]?.key_id
  if (keyId === undefined) return null
  return insert(db, sql`k.id = ${keyId}`)
}

async function insert(db: Queryable, isKey: SQL, isLink = false): Promise<string | null> {
  const token = randomBytes(32).toString('base64url')
  const made = await db.execute(sql`
    insert into ${consoleSessions} (hash, key_id, is_link, expires_at)
    select ${hashOf(token)}, k.id, ${isLink}, now() + make_interval(secs => ${sessionSeconds}) from ${apiKeys} k
    where ${isKey} and k.revoked_at is null
    returning 1`)
  return made.length > 0 ? token : null
}

/** Null when it has expired, was ended, or its key was revoked. Its last use is written at most once a minute. */
export async function findSession(db: Queryable, token: string): Promise<Principal | null> {
  const hash = hashOf(token)
  const [row] = await db.execute<{ key: Principal; stale: boolean }>(sql`
    select json_build_object('id', k.id, 'name', k.name, 'scopes', k.scopes) as key,
      s.last_used_at < now() - interval '1 minute' as stale
    from ${consoleSessions} s join ${apiKeys} k on k.id = s.key_id
    where s.hash = ${hash} and not s.is_link and ${isAlive} and k.revoked_at is null`)
  if (!row) return null
  if (row.stale)
    await db.execute(sql`update ${consoleSessions} set last_used_at = now() where hash = ${hash}`)
  return row.key
}

export async function endSession(db: Queryable, token: string): Promise<void> {
  await db.execute(sql`delete from ${consoleSessions} where hash = ${hashOf(token)}`)
}

export async function endSessionsOfKey(db: Queryable, keyId: number): Promise<void> {
  await db.execute(sql`delete from ${consoleSessions} where key_id = ${keyId}`)
}

export async function removeExpiredSessions(db: Queryable): Promise<void> {
  await db.execute(sql`delete from ${consoleSessions} s where not (${isAlive})`)
}
