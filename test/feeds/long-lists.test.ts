import { expect, test } from 'vitest'
import {
  expectAsFromNothing,
  expectPartition,
  expectRight,
  firstReader,
  newReader,
  read,
  replaceSecond,
  run,
  useLongLists,
} from './long-lists.ts'

useLongLists()

/** A product of s1, this far down its list. */
async function soldAt(share: number): Promise<string> {
  const [row] = await run(`
    select (array_agg(product_id order by product_id))[1 + floor(${share} * count(*))::int] as id
    from product_stores where store_id = 's1'`)
  return String(row?.id)
}

const unlink = (id: string) =>
  run(`delete from product_stores where store_id = 's1' and product_id = '${id}'`)

async function listOf(store: string): Promise<string[]> {
  const items: { $id: string; product_ids: string }[] = JSON.parse(
    await read(firstReader(), 'json'),
  )
  return items.find(({ $id }) => $id === store)?.product_ids.split(',') ?? []
}

test('long lists are stored in pieces, which partition them', async () => {
  await expectRight()
  expect(await expectPartition()).toBeGreaterThan(20)
  await expectAsFromNothing()
})

test('one link renders one piece, or two where it begins one, and the frame stays', async () => {
  await expectRight()
  const [before] = await run(
    `select max(version)::int as version from feed_chunks where feed = 'stores'`,
  )
  const version = Number(before?.version)
  await unlink(await soldAt(0.5))
  await unlink(await soldAt(0.5))
  await expectRight()
  const [changed] = await run(`
    select count(*)::int as pieces from feed_lists where feed = 'stores' and format = 'xml' and version > ${version}`)
  expect(Number(changed?.pieces)).toBeGreaterThanOrEqual(1)
  expect(Number(changed?.pieces)).toBeLessThanOrEqual(4)
  await expectAsFromNothing()
})

test('of a long list only the piece of a changed link is read', async () => {
  await expectRight()
  const [changed, silent] = [await soldAt(0.05), await soldAt(0.95)]
  // Without a record of it, so that it shows what was read.
  await run('alter table product_stores disable trigger all')
  await unlink(silent)
  await run('alter table product_stores enable trigger all')
  await unlink(changed)
  const served = await listOf('s1')
  expect(served).toContain(silent)
  expect(served).not.toContain(changed)
  await run(`update stores set title = 'Whole' where id = 's1'`)
  await expectRight()
})

test('links of a large statement, and more links than are looked at one by one, are all in the feed', async () => {
  await expectRight()
  await run('delete from product_stores')
  await expectRight()
  expect(await expectPartition()).toBe(0)
  for (let store = 1; store <= 15; store++)
    await run(
      `insert into product_stores (product_id, store_id) select id, 's${store}' from products`,
    )
  const [changes] = await run(
    'select count(distinct (item, linked_to))::int as links from feed_changes where item is not null',
  )
  expect(Number(changes?.links)).toBe(4500)
  await expectRight()
  await run('update products set published = not published where hash % 2 = 0')
  await expectRight()
  await run('update products set published = not published')
  await expectRight()
  await expectPartition()
  await expectAsFromNothing()
})

const damages: [string, string][] = [
  [
    'whose body is broken',
    `update feed_lists set body = set_byte(body, 8, get_byte(body, 8) # 255) where item = 's1'`,
  ],
  ['with the checksum of another', `update feed_lists set crc = crc # 1 where item = 's1'`],
  ['that is gone', `delete from feed_lists where item = 's1' and format = 'json'`],
  ['that are all gone', 'truncate feed_lists'],
  [
    'with the text of another',
    `update feed_lists l set body = o.body from feed_lists o
     where l.item = 's1' and o.item = 's2' and l.format = o.format and l.feed = o.feed`,
  ],
]

test.each(damages)('a piece %s is rendered again, and no poll is short', async (_, damage) => {
  await expectRight()
  await run(damage)
  const late = newReader()
  replaceSecond(late)
  await expectRight()
  expect(late.warnings).toContain('broken chunks of a feed are rendered again')
  await unlink(await soldAt(0.5))
  await expectRight()
  await expectPartition()
  await expectAsFromNothing()
})

test('a copy in memory does not grow from pieces of another history', async () => {
  await expectRight()
  await run('create table kept_chunks as table feed_chunks')
  for (const table of ['feed_state', 'feed_lists', 'feed_builds', 'product_stores'])
    await run(`create table kept_${table} as table ${table}`)
  for (const place of [0.4, 0.5, 0.6]) await unlink(await soldAt(place))
  await expectRight()
  // As a restore of all of it does.
  await run(`alter table product_stores disable trigger all; delete from product_stores;
    insert into product_stores table kept_product_stores; alter table product_stores enable trigger all`)
  await run(`truncate feed_state, feed_chunks, feed_lists, feed_builds, feed_changes;
    insert into feed_state table kept_feed_state; insert into feed_chunks table kept_chunks;
    insert into feed_lists table kept_feed_lists; insert into feed_builds table kept_feed_builds`)
  await unlink(await soldAt(0.5))
  await expectRight()
  await expectAsFromNothing()
  for (const table of ['chunks', 'feed_state', 'feed_lists', 'feed_builds', 'product_stores'])
    await run(`drop table kept_${table}`)
})

test('a broken piece that a reader loads after it has the others is rendered again', async () => {
  const second = newReader()
  replaceSecond(second)
  await expectRight()
  await unlink(await soldAt(0.5))
  await read(firstReader(), 'json')
  await run(`update feed_lists set body = set_byte(body, 8, get_byte(body, 8) # 255)
    where version = (select max(version) from feed_lists)`)
  await expectRight()
  expect(second.warnings).toContain('broken chunks of a feed are rendered again')
  await expectAsFromNothing()
})
