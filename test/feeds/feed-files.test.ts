import { sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import type { Queryable } from '../../src/db/connection.ts'
import { readFeedStatuses } from '../../src/feeds/feed-status.ts'
import { firstReader, read, run, testDatabase, useLongLists } from './long-lists.ts'

useLongLists()

test('the sizes of files are those that are served', async () => {
  await read(firstReader(), 'json')
  const [, stores] = await readFeedStatuses(testDatabase())
  for (const { format, bytes, gzip_bytes } of stores?.files ?? []) {
    const { response } = await firstReader().reader.poll('stores', format, { number: 1, of: 1 })
    const [pieces] = await run(
      `select sum(length(body))::int as bytes from feed_lists where format = '${format}'`,
    )
    expect(Math.abs(bytes - response.bytes)).toBeLessThan(1000)
    expect(gzip_bytes).toBeGreaterThan(Number(pieces?.bytes))
    expect(gzip_bytes).toBeLessThan(response.gzip.bytes)
  }
})

test('the status of a feed reads each piece once, whatever plan Postgres takes', async () => {
  await read(firstReader(), 'json')
  const [stored] = await run('select count(*)::int as pieces from feed_lists')
  const rowsRead = await testDatabase().transaction(async (tx) => {
    // As where Postgres believes that there are few rows, because it looked when there were.
    await tx.execute(sql`set local enable_hashjoin = off; set local enable_mergejoin = off; set local enable_material = off;
      set local enable_hashagg = off; set local enable_sort = off; set local enable_bitmapscan = off; set local enable_seqscan = off`)
    const before = await rowsReadOfLists(tx)
    await readFeedStatuses(tx)
    return (await rowsReadOfLists(tx)) - before
  })
  expect(Number(stored?.pieces)).toBeGreaterThan(40)
  expect(rowsRead).toBe(Number(stored?.pieces))
})

async function rowsReadOfLists(tx: Queryable): Promise<number> {
  const [row] = await tx.execute<{ rows: number }>(sql`
    select (seq_tup_read + idx_tup_fetch)::int as rows from pg_stat_xact_user_tables where relname = 'feed_lists'`)
  return row?.rows ?? 0
}
