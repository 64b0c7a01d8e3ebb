/** The server's state before and after the requests: a key that cannot be revoked, held feeds; afterwards consistency. */
import { sql } from 'drizzle-orm'
import { expect } from 'vitest'
import { poll } from '../feeds/polls.ts'
import type { TestDatabase } from '../support/database.ts'
import type { TestServer } from '../support/server.ts'

export async function prepareServer(server: TestServer): Promise<void> {
  const { url, key, database, ask } = server
  const { db } = database
  // Most drawn options do not suit the drawn file.
  for (let n = 0; n < 20; n++)
    await ask('POST', '/v1/imports?kind=products', `id,title\nimported-${n},Pot\n`, {
      'Content-Type': 'text/csv',
    })
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
      insert into ${table} (id, title) select ${feed} || '-' || n, 'Number ' || n from generate_series(1, 2000) n`)
    await pollFeed()
    await db.execute(sql`delete from ${table} where title !~ '^Number [123]$'`)
    const { headers } = await pollFeed()
    if (headers['x-feed-state'] !== 'held') throw new Error(`the ${feed} feed is not held`)
  }
}

/** Releases both feeds if they are held; afterwards both are fresh. */
export async function releaseFeeds({ url, key, ask }: TestServer): Promise<void> {
  for (const feed of ['products', 'stores']) {
    const pollFeed = () => poll(`${url}/feeds/${feed}.json?key=${key}`)
    await pollFeed()
    await ask('POST', `/v1/feeds/${feed}/release`)
    expect((await pollFeed()).headers).toMatchObject({ 'x-feed-state': 'fresh' })
  }
}

/** Inconsistencies that no constraint prevents: ids missing from catalog_ids, messages missing for orders. */
export async function countInconsistencies({ db }: TestDatabase): Promise<object> {
  const [counts] = await db.execute(sql`
    with held as (
      select id, 'product' as kind from products union all select id, 'store' from stores
    ), listed as (select id, kind from catalog_ids)
    select
      (select count(*)::int from ((table held except table listed) union all (table listed except table held)) as d) as ids,
      outbox_enqueue_missing(array(select id from orders), false)::int as messages`)
  return counts ?? {}
}
