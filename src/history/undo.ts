/** Undoes a change: one transaction, which is a change itself. */
import { type SQL, sql } from 'drizzle-orm'
import { type Database, type Queryable, transaction } from '../db/connection.ts'
import { postgresCode, RetryTransaction } from '../db/postgres-error.ts'
import { changeIdOf, type Recording } from '../db/recording.ts'
import { productStores } from '../db/schema/catalog.ts'
import { historyChanges } from '../db/schema/history.ts'
import { AppError, recordNotFound } from '../lib/errors.ts'
import type { ChangedRecord, UndoResult } from './change-schemas.ts'
import { type Link, planUndo, type RecordPlan, type Restored, type UndoPlan } from './undo-plan.ts'

const maxListed = 100

/** A dry run tells what an undo would do now. */
export async function undoChange(
  db: Database,
  changeId: string,
  { recording, dryRun }: { recording: Recording; dryRun: boolean },
): Promise<UndoResult> {
  const plan = await transaction(db.recorded(recording), async (tx) => {
    await lockChange(tx, changeId)
    const planned = await planUndo(tx, changeId)
    if (!dryRun) await apply(tx, planned)
    if (!dryRun)
      await tx.execute(sql`
        update ${historyChanges} set undoes = ${changeId} where id = ${recording.changeId}`)
    return planned
  })
  const restored = restoredRecords(plan)
  return {
    change_id: changeIdOf(recording),
    restored: restored.length,
    unchanged: plan.unchanged,
    conflicts: plan.conflicts.length,
    restored_records: restored.slice(0, maxListed),
    conflicting: plan.conflicts.slice(0, maxListed),
  }
}

/** Of two undos at once, the second sees what the first restored. */
async function lockChange(tx: Queryable, changeId: string): Promise<void> {
  const [found] = await tx.execute<{ complete: boolean }>(sql`
    select complete from ${historyChanges} where id = ${changeId} for update`)
  if (!found) recordNotFound('change', changeId)
  if (!found.complete)
    throw new AppError(
      'conflict',
      'This change is too large to be undone: of more than 10,000 products or stores, or 50,000 availabilities, the history keeps only how many there were.',
    )
}

async function apply(tx: Queryable, { records, links }: UndoPlan): Promise<void> {
  for (const plan of records) {
    await create(tx, plan)
    await update(tx, plan)
  }
  await tx.execute(sql`
    delete from ${productStores} l using ${list(links.remove)}
    where l.product_id = d.product_id and l.store_id = d.store_id`)
  await tx.execute(sql`
    insert into ${productStores} (product_id, store_id) select product_id, store_id from ${list(links.add)}
    order by 1, 2 on conflict do nothing`)
  for (const { resource, remove } of records)
    if (remove.length > 0)
      await tx.execute(sql`delete from ${resource.table} t using ${rows(remove)} where t.id = d.id`)
}

const list = (links: Link[]) =>
  sql`jsonb_to_recordset(${JSON.stringify(links)}::jsonb) as d(product_id text, store_id text)`

/** The fields as they are, without reading their numbers. */
function rows(restored: Restored[]): SQL {
  const texts = restored.map(
    ({ id, fields }) => `{"id":${JSON.stringify(id)},"fields":${fields ?? '{}'}}`,
  )
  return sql`jsonb_to_recordset(${`[${texts.join()}]`}::jsonb) as d(id text collate "C", fields jsonb)`
}

const columnsOf = ({ resource }: RecordPlan, of: SQL) =>
  sql.join(
    Object.keys(resource.defaults).map((name) => sql`${of}${sql.identifier(name)}`),
    sql`, `,
  )

/** The fields of the history as columns, the metadata on top of `metadata`. */
const columnValues = (metadata: SQL) => sql`(
  select coalesce(jsonb_object_agg(key, value) filter (where not starts_with(key, 'metadata.')), '{}')
    || jsonb_build_object('metadata', jsonb_strip_nulls(${metadata}
      || coalesce(jsonb_object_agg(substr(key, 10), value) filter (where starts_with(key, 'metadata.')), '{}')))
  from jsonb_each(d.fields))`

async function create(tx: Queryable, plan: RecordPlan): Promise<void> {
  if (plan.create.length === 0) return
  const { table, defaults } = plan.resource
  try {
    await tx.execute(sql`
      insert into ${table} (id, ${columnsOf(plan, sql``)}) select d.id, ${columnsOf(plan, sql`r.`)}
      from ${rows(plan.create)}, jsonb_populate_record(null::${table},
        ${JSON.stringify(defaults)}::jsonb || ${columnValues(sql`'{}'::jsonb`)}) r
      order by d.id`)
  } catch (error) {
    // Somebody created it since it was looked for.
    throw postgresCode(error) === '23505' ? new RetryTransaction() : error
  }
}

async function update(tx: Queryable, plan: RecordPlan): Promise<void> {
  if (plan.update.length === 0) return
  await tx.execute(sql`
    update ${plan.resource.table} t set (${columnsOf(plan, sql``)}) = (
      select ${columnsOf(plan, sql`r.`)} from jsonb_populate_record(t, ${columnValues(sql`t.metadata`)}) r)
    from ${rows(plan.update)} where t.id = d.id`)
}

const isLink = { kind: 'availability', before: {}, after: {} } as const

function restoredRecords({ records, links }: UndoPlan): ChangedRecord[] {
  return [
    ...records.flatMap(({ resource: { name }, create, update, remove }) => [
      ...create.map((one) => shown(name, 'created', one, null, one.fields)),
      ...update.map((one) => shown(name, 'updated', one, one.replaced, one.fields)),
      ...remove.map((one) => shown(name, 'removed', one, '{}', null)),
    ]),
    ...links.add.map((link) => ({ ...isLink, ...link, action: 'created' as const, before: null })),
    ...links.remove.map((link) => ({
      ...isLink,
      ...link,
      action: 'removed' as const,
      after: null,
    })),
  ]
}

function shown(
  kind: 'product' | 'store',
  action: ChangedRecord['action'],
  { id, title }: Restored,
  before: string | null,
  after: string | null,
): ChangedRecord {
  const isProduct = kind === 'product'
  return {
    kind,
    product_id: isProduct ? id : null,
    product_title: isProduct ? title : null,
    store_id: isProduct ? null : id,
    store_title: isProduct ? null : title,
    action,
    before: before === null ? null : JSON.parse(before),
    after: after === null ? null : JSON.parse(after),
  }
}
