/** API keys are stored only as hashes and looked up for every request. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { type Database, type Queryable, transaction } from '../db/connection.ts'
import { textArray } from '../db/parameters.ts'
import { apiKeys, type Scope, scopes } from '../db/schema/api-keys.ts'
import { AppError } from '../lib/errors.ts'
import { instant, title } from '../lib/fields.ts'
import { memoize } from '../lib/memoize.ts'
import type { Principal } from './principal.ts'

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
export const createdKey = keyRecord
  .extend({ key: z.string().meta({ description: 'The key itself, shown only once' }) })
  .meta({ id: 'CreatedKey' })
export const keyList = z.strictObject({ keys: z.array(keyRecord) })
export type KeyRecord = z.infer<typeof keyRecord>

/** The scopes that each scope includes. */
const implied: Record<Scope, readonly Scope[]> = {
  feeds: ['feeds'],
  read: ['read'],
  write: ['write', 'read'],
  admin: scopes,
}

export const allows = (granted: readonly Scope[], wanted: Scope) =>
  granted.some((scope) => implied[scope].includes(wanted))

export const hashOf = memoize((key) => createHash('sha256').update(key).digest('hex'))

const principal = sql`json_build_object('id', id, 'name', name, 'scopes', scopes)`
const columns = sql`id, name, scopes, created_at, last_used_at, revoked_at`

/** The key is in the response and nowhere else: it cannot be shown again. */
export async function createKey(
  db: Queryable,
  input: KeyInput,
): Promise<{ key: string; record: KeyRecord }> {
  const key = `sf_${randomBytes(32).toString('base64url')}`
  return { key, record: await insertKey(db, key, input) }
}

async function insertKey(db: Queryable, key: string, input: KeyInput): Promise<KeyRecord> {
  const [row] = await db.execute<{ record: KeyRecord }>(sql`
    with made as (
      insert into ${apiKeys} (name, hash, scopes)
      values (${input.name}, ${hashOf(key)}, ${textArray(input.scopes)})
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

/** Null when there is none. */
export async function findKey(
  db: Queryable,
  by: { id: number } | { key: string },
): Promise<KeyRecord | null> {
  const condition = 'id' in by ? sql`id = ${by.id}` : sql`hash = ${hashOf(by.key)}`
  const [row] = await db.execute<{ record: KeyRecord }>(sql`
    select row_to_json(r) as record from (select ${columns} from ${apiKeys} where ${condition}) r`)
  return row?.record ?? null
}

/** Revoking twice is harmless: the first time is kept. */
export async function revokeKey(db: Queryable, id: number): Promise<void> {
  const found = await db.execute(
    sql`update ${apiKeys} set revoked_at = coalesce(revoked_at, now()) where id = ${id} returning id`,
  )
  if (found.length === 0) throw new AppError('not_found', `There is no key with the id ${id}.`)
}

/** See {@link readPrincipal}. */
export async function principalOfKey(db: Queryable, key: string): Promise<Principal | null> {
  return (await readPrincipal(db, key)).principal
}

type KeyRow = { principal: Principal; hash: string; stale: boolean }

/**
 * `principal` is null when the key is unknown or revoked. Its last use is written at most once a minute, so that polls do
 * not write a row each. `more` is SQL of columns that the same query reads, whatever the key is.
 */
export async function readPrincipal<More extends object>(
  db: Queryable,
  key: string,
  more = '',
): Promise<More & { principal: Principal | null }> {
  const hash = hashOf(key)
  // Hex digits need no escaping, and a query without parameters is one message instead of five.
  const [row] = await db.execute<More & { found: KeyRow | null }>(
    sql.raw(`select find_key('${hash}') as found${more}`),
  )
  if (!row) throw new Error('a query without conditions returned no row')
  const { found } = row
  if (!found || !isSameHash(found.hash, hash)) return { ...row, principal: null }
  if (found.stale)
    await db.execute(
      sql`update ${apiKeys} set last_used_at = now() where id = ${found.principal.id}`,
    )
  return { ...row, principal: found.principal }
}

/** All valid keys, by hash. */
export async function readValidKeys(db: Queryable): Promise<Map<string, Principal>> {
  const rows = await db.execute<{ hash: string; principal: Principal }>(
    sql`select hash, ${principal} as principal from ${apiKeys} where revoked_at is null`,
  )
  return new Map(rows.map(({ hash, principal }) => [hash, principal]))
}

/** In constant time; the length of a digest is no secret. */
function isSameHash(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
}

/** Stores a given key. It becomes the only key of that name: another one is revoked. */
export function ensureKey(db: Database, key: string, { name, scopes }: KeyInput): Promise<void> {
  return transaction(db, async (tx) => {
    await tx.execute(sql`
      update ${apiKeys} set revoked_at = now() where name = ${name} and revoked_at is null and hash <> ${hashOf(key)}`)
    await tx.execute(sql`
      insert into ${apiKeys} (name, hash, scopes) values (${name}, ${hashOf(key)}, ${textArray(scopes)})
      on conflict (hash) do update set revoked_at = null, name = excluded.name, scopes = excluded.scopes`)
  })
}

/**
 * `apiKey`, from the environment, becomes the admin key of that name. Without it, a database without any admin key gets
 * its first, which is returned; of servers that start at the same time, one creates it.
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
