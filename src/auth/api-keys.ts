/** In charge of API keys: made once, kept only as hashes, checked on every call. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { type Database, type Queryable, transaction } from '../db/connection.ts'
import { apiKeys, type Scope, scopes } from '../db/schema/api-keys.ts'
import { AppError } from '../lib/errors.ts'
import { instant, title } from '../lib/fields.ts'

export { type Scope, scopes }

export const keyInput = z
  .strictObject({
    name: title,
    scopes: z
      .array(z.enum(scopes))
      .min(1)
      .refine((given) => new Set(given).size === given.length, 'names a scope twice'),
  })
  .meta({ id: 'KeyInput' })
export type KeyInput = z.infer<typeof keyInput>

export const keyRecord = z
  .strictObject({
    id: z.int(),
    name: z.string(),
    scopes: z.array(z.enum(scopes)),
    created_at: instant,
    last_used_at: instant.nullable(),
    revoked_at: instant.nullable(),
  })
  .meta({ id: 'Key' })
export type KeyRecord = z.infer<typeof keyRecord>

/** What each scope lets its holder do besides. */
const implied: Record<Scope, readonly Scope[]> = {
  feeds: ['feeds'],
  read: ['read'],
  write: ['write', 'read'],
  admin: scopes,
}

export const allows = (held: readonly Scope[], wanted: Scope) =>
  held.some((scope) => implied[scope].includes(wanted))

const hashOf = (key: string) => createHash('sha256').update(key).digest('hex')

const columns = sql`id, name, scopes, created_at, last_used_at, revoked_at`

/** The key stands in the answer and nowhere else: it can't be shown again. */
export async function createKey(
  db: Queryable,
  draft: KeyInput,
): Promise<{ key: string; record: KeyRecord }> {
  const key = `sf_${randomBytes(32).toString('base64url')}`
  return { key, record: await insertKey(db, key, draft) }
}

async function insertKey(db: Queryable, key: string, draft: KeyInput): Promise<KeyRecord> {
  const [row] = await db.execute<{ record: KeyRecord }>(sql`
    with made as (
      insert into ${apiKeys} (name, hash, scopes)
      values (${draft.name}, ${hashOf(key)}, array(select jsonb_array_elements_text(${JSON.stringify(draft.scopes)}::jsonb)))
      returning ${columns}
    )
    select row_to_json(made) as record from made`)
  if (!row) throw new Error('an inserted key was not returned')
  return row.record
}

/** Newest first, revoked ones too. */
export async function listKeys(db: Queryable): Promise<KeyRecord[]> {
  const rows = await db.execute<{ record: KeyRecord }>(sql`
    select row_to_json(r) as record from (select ${columns} from ${apiKeys} order by id desc) r`)
  return rows.map((row) => row.record)
}

/** Revoking twice is harmless: the first time stays. */
export async function revokeKey(db: Queryable, id: number): Promise<void> {
  const found = await db.execute(
    sql`update ${apiKeys} set revoked_at = coalesce(revoked_at, now()) where id = ${id} returning id`,
  )
  if (found.length === 0) throw new AppError('not_found', `There is no key with the id ${id}.`)
}

/**
 * Null when the key is unknown or revoked. The use is noted at most once a minute, so that polls
 * do not write a row each.
 */
export async function scopesOfKey(db: Queryable, key: string): Promise<Scope[] | null> {
  const hash = hashOf(key)
  const [row] = await db.execute<{ id: number; hash: string; scopes: Scope[]; stale: boolean }>(sql`
    select id, hash, scopes, coalesce(last_used_at < now() - interval '1 minute', true) as stale
    from ${apiKeys} where hash = ${hash} and revoked_at is null`)
  if (!row || !sameText(row.hash, hash)) return null
  if (row.stale)
    await db.execute(sql`update ${apiKeys} set last_used_at = now() where id = ${row.id}`)
  return row.scopes
}

/** In a time that does not tell where they differ; how long a digest is, is no secret. */
function sameText(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other))
}

/**
 * A key that is known beforehand: it becomes the one key of that name, and the one before it, if another, is
 * revoked.
 */
export function ensureKey(db: Database, key: string, { name, scopes }: KeyInput): Promise<void> {
  return transaction(db, async (tx) => {
    const list = sql`array(select jsonb_array_elements_text(${JSON.stringify(scopes)}::jsonb))`
    await tx.execute(sql`
      update ${apiKeys} set revoked_at = now() where name = ${name} and revoked_at is null and hash <> ${hashOf(key)}`)
    await tx.execute(sql`
      insert into ${apiKeys} (name, hash, scopes) values (${name}, ${hashOf(key)}, ${list})
      on conflict (hash) do update set revoked_at = null, name = excluded.name, scopes = excluded.scopes`)
  })
}

/**
 * The key set in the environment becomes the admin key of that name. Without one, a server that has
 * no admin key at all makes its first, and answers it; of servers that start at once, one does.
 */
export async function ensureAdminKey(db: Database, apiKey: string | null): Promise<string | null> {
  if (apiKey !== null) {
    await ensureKey(db, apiKey, { name: 'API_KEY', scopes: ['admin'] })
    return null
  }
  return transaction(db, async (tx) => {
    await tx.execute(sql`lock table ${apiKeys} in share row exclusive mode`)
    if (await hasAdminKey(tx)) return null
    return (await createKey(tx, { name: 'first admin key', scopes: ['admin'] })).key
  })
}

async function hasAdminKey(tx: Queryable): Promise<boolean> {
  const found = await tx.execute(
    sql`select from ${apiKeys} where 'admin' = any(scopes) and revoked_at is null limit 1`,
  )
  return found.length > 0
}
