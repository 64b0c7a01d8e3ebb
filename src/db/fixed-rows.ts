/** Rows that migrations add and that nobody may remove: a restore of data alone can leave them out. */
import { type SQL, sql } from 'drizzle-orm'
import type { Queryable } from './connection.ts'
import { outboxQueues, outboxSettings, queueNames } from './schema/outbox.ts'

const queues: SQL = sql.join(
  queueNames.map((name) => sql`(${name})`),
  sql`, `,
)

export async function addFixedRows(db: Queryable): Promise<void> {
  if ((await readFixedRowProblems(db)).length === 0) return
  await db.execute(sql`insert into ${outboxSettings} default values on conflict do nothing`)
  await db.execute(sql`insert into ${outboxQueues} (queue) values ${queues} on conflict do nothing`)
}

/** Which of them are missing, in words. None can be there twice: their tables have keys. */
export async function readFixedRowProblems(db: Queryable): Promise<string[]> {
  const [counted] = await db.execute<{ settings: number; queues: number }>(sql`
    select (select count(*)::int from ${outboxSettings}) as settings,
      (select count(*)::int from ${outboxQueues}) as queues`)
  const { settings = 0, queues: found = 0 } = counted ?? {}
  return [
    ...(settings === 1
      ? []
      : [
          `The table outbox_settings has ${settings} rows instead of one: orders cannot be written. Run storefeed migrate.`,
        ]),
    ...(found === queueNames.length
      ? []
      : [
          `The table outbox_queues has ${found} rows instead of ${queueNames.length}: messages are not sent. Run storefeed migrate.`,
        ]),
  ]
}
