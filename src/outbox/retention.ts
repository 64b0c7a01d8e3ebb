/** Removes personal data from messages that were settled long ago. */
import { sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { outbox } from '../db/schema/outbox.ts'

/** The columns of a message that may hold personal data. */
export const withoutContent = { payload: null, error: null, warnings: [] }

const messagesAtOnce = 10_000

/** Returns how many messages were purged; call it again until none is. That a message was sent stays recorded. */
export async function purgePayloads(db: Queryable, retentionMs: number): Promise<number> {
  const purged = await db
    .update(outbox)
    .set(withoutContent)
    .where(
      sql`id in (
        select id from ${outbox}
        where settled_at < now() - ${retentionMs} * interval '1 ms'
          and (payload is not null or error is not null or warnings <> '[]')
        limit ${messagesAtOnce}
      )`,
    )
    .returning({ id: outbox.id })
  return purged.length
}
