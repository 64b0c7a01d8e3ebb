/** What a file that replaces lacks: products and stores are unpublished or removed, links are removed. */
import { type SQL, sql } from 'drizzle-orm'
import { productResource } from '../catalog/products.ts'
import { storeResource } from '../catalog/stores.ts'
import { type Database, type Queryable, transaction } from '../db/connection.ts'
import { productStores } from '../db/schema/catalog.ts'
import { AppError } from '../lib/errors.ts'
import { isObject } from '../lib/is-object.ts'
import type { ImportKind } from './import-kinds.ts'
import type { InputRecord, RecordFile } from './read-records.ts'

export type ReplaceOptions = {
  /** Whose links an availability file says. */
  of: 'products' | 'stores' | undefined
  remove: boolean
  /** Even if that is more than half of what there is. */
  yes: boolean
}

export type Replacement = {
  /** How many records the file lacks. */
  count: number
  /** Unpublishes or removes them, and returns how many. Records created since the plan was made stay. */
  apply: () => Promise<number>
}

type Target = {
  /** The rows that the file would have to name, as `t`. */
  rows: SQL
  /** The columns that identify one: those of the key. */
  key: string[]
  change: (lacking: SQL) => SQL
}

const keysPerStatement = 5_000

/** Throws an {@link AppError} for a row whose key cannot be read, and for too large a share. */
export async function planReplacement(
  db: Database,
  file: RecordFile,
  kind: ImportKind,
  options: ReplaceOptions,
): Promise<Replacement> {
  const target = targetOf(kind, options)
  const run = <T>(work: (tx: Queryable, lacking: SQL) => Promise<T>) =>
    transaction(db, async (tx) => {
      await loadKeys(tx, file, target.key)
      const same = target.key.map(
        (column) => sql`k.${sql.identifier(column)} = t.${sql.identifier(column)}`,
      )
      const lacking = sql`${target.rows} and not exists (select from import_keys k where ${sql.join(same, sql` and `)})`
      await assertShare(tx, target, lacking, options)
      return work(tx, lacking)
    })
  const [planned] = await run((tx, lacking) =>
    tx.execute<{ count: number; at: string }>(
      sql`select count(*)::int as count, clock_timestamp() as at from ${lacking}`,
    ),
  )
  const { count = 0, at = '' } = planned ?? {}
  const since = kind.name === 'availability' ? sql`` : sql` and t.created_at <= ${at}::timestamptz`
  return {
    count,
    apply: () =>
      run(async (tx, lacking) => (await tx.execute(target.change(sql`${lacking}${since}`))).length),
  }
}

function targetOf({ name }: ImportKind, { of, remove }: ReplaceOptions): Target {
  if (name === 'availability') {
    const named = sql.identifier(of === 'stores' ? 'store_id' : 'product_id')
    return {
      rows: sql`${productStores} t where t.${named} in (select ${named} from import_keys)`,
      key: ['product_id', 'store_id'],
      change: (lacking) => sql`
        delete from ${productStores} where (product_id, store_id) in (select t.product_id, t.store_id from ${lacking}) returning 1`,
    }
  }
  const { table } = name === 'stores' ? storeResource : productResource
  const lock = (lacking: SQL) => sql`(select t.id from ${lacking} order by t.id for update)`
  return {
    rows: remove ? sql`${table} t where true` : sql`${table} t where t.published`,
    key: ['id'],
    change: (lacking) =>
      remove
        ? sql`delete from ${table} where id in ${lock(lacking)} returning 1`
        : sql`update ${table} set published = false where id in ${lock(lacking)} returning 1`,
  }
}

/** Into a table that the transaction's end drops. */
async function loadKeys(tx: Queryable, file: RecordFile, key: string[]): Promise<void> {
  const columns = key.map((column) => sql`${sql.identifier(column)} text collate "C"`)
  const names = sql.join(
    key.map((column) => sql.identifier(column)),
    sql`, `,
  )
  await tx.execute(
    sql`create temp table import_keys (${sql.join(columns, sql`, `)}, primary key (${names})) on commit drop`,
  )
  let keys: Record<string, unknown>[] = []
  const flush = async () => {
    await tx.execute(sql`
      insert into import_keys select ${names} from jsonb_populate_recordset(null::import_keys, ${JSON.stringify(keys)}::jsonb)
      on conflict do nothing`)
    keys = []
  }
  for await (const record of file.records()) {
    if (record) keys.push(keyOf(record, key))
    if (keys.length === keysPerStatement) await flush()
  }
  await flush()
  await tx.execute(sql`analyze import_keys`)
}

function keyOf(record: InputRecord, key: string[]): Record<string, unknown> {
  const value = 'value' in record && isObject(record.value) ? record.value : undefined
  const parts = key.map((column) => [column, value?.[column]])
  if (parts.every(([, part]) => typeof part === 'string' && part !== ''))
    return Object.fromEntries(parts)
  throw new AppError(
    'invalid',
    `Line ${record.line} cannot be read${'error' in record ? ` (${record.error})` : ''}, so it is not known what the file lacks. Correct it, or import without --replace.`,
  )
}

async function assertShare(
  tx: Queryable,
  { rows }: Target,
  lacking: SQL,
  { yes, remove, of }: ReplaceOptions,
): Promise<void> {
  if (yes) return
  const [found] = await tx.execute<{ total: number; missing: number }>(sql`
    select (select count(*)::int from ${rows}) as total, (select count(*)::int from ${lacking}) as missing`)
  const { total = 0, missing = 0 } = found ?? {}
  if (missing * 2 > total)
    throw new AppError(
      'invalid',
      `The file lacks ${missing} of ${total}, more than half: they would be ${remove || of ? 'removed' : 'unpublished'}. If that is right, add --yes.`,
    )
}
