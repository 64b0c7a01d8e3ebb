/** In charge of the ground that requests find: a key that none of them can revoke, and feeds that are held. */
import { sql } from 'drizzle-orm'
import { poll } from '../feeds/polls.ts'
import type { TestServer } from '../server.ts'

export async function prepareGround({ url, key, database: { db } }: TestServer): Promise<void> {
  await db.execute(
    sql`create function keep_key() returns trigger language plpgsql as 'begin return null; end'`,
  )
  await db.execute(sql`
    create trigger keep_key before update of revoked_at on api_keys
    for each row when (old.name = 'tests') execute function keep_key()`)
  for (const feed of ['products', 'stores']) {
    const [table, pollFeed] = [
      sql.identifier(feed),
      () => poll(`${url}/feeds/${feed}.json?key=${key}`),
    ]
    await db.execute(sql`
      insert into ${table} (id, title) select ${feed} || '-' || n, 'Number ' || n from generate_series(1, 9) n`)
    await pollFeed()
    await db.execute(sql`delete from ${table} where id > ${feed} || '-3'`)
    const { headers } = await pollFeed()
    if (headers['x-feed-state'] !== 'held') throw new Error(`the ${feed} feed is not held`)
  }
}
