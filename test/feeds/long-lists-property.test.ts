import fc from 'fast-check'
import { test } from 'vitest'
import {
  expectAsFromNothing,
  expectPartition,
  expectRight,
  run,
  useLongLists,
} from './long-lists.ts'

useLongLists()

const anyStore = fc.integer({ min: 1, max: 8 }).map((k) => `'s${k}'`)
const anyProduct = fc
  .nat(300)
  .map((n) => `(select id from products order by id offset ${n} limit 1)`)
const some = (share: number) => fc.nat(share - 1).map((n) => `p.hash % ${share} = ${n}`)

const anyWrite = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(anyProduct, anyStore)
      .map(([p, s]) => `delete from product_stores where product_id = ${p} and store_id = ${s}`),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(anyProduct, anyStore)
      .map(
        ([p, s]) =>
          `insert into product_stores (product_id, store_id) select p.id, s.id from products p, stores s where p.id = ${p} and s.id = ${s} on conflict do nothing`,
      ),
  },
  fc
    .tuple(fc.oneof(some(3), some(40)), anyStore)
    .map(
      ([where, s]) =>
        `delete from product_stores l using products p where p.id = l.product_id and ${where} and l.store_id = ${s}`,
    ),
  fc
    .tuple(fc.oneof(some(2), some(40)), anyStore)
    .map(
      ([where, s]) =>
        `insert into product_stores (product_id, store_id) select p.id, s.id from products p, stores s where ${where} and s.id = ${s} on conflict do nothing`,
    ),
  anyProduct.map((p) => `update products set published = not published where id = ${p}`),
  some(20).map((where) => `update products p set published = not published where ${where}`),
  anyProduct.map((p) => `delete from products where id = ${p}`),
  anyStore.map((s) => `update stores set published = not published where id = ${s}`),
  anyStore.map((s) => `update stores set title = title || '!' where id = ${s}`),
  fc.tuple(anyProduct, anyStore).map(
    ([p, s]) => `begin; update stores set title = 'Both' where id = ${s};
      delete from product_stores where product_id = ${p} and store_id = ${s}; commit`,
  ),
  fc.tuple(anyProduct, anyStore).map(
    ([
      p,
      s,
    ]) => `update product_stores set store_id = 's9' where product_id = ${p} and store_id = ${s}
      and not exists (select from product_stores where product_id = ${p} and store_id = 's9')`,
  ),
  fc.constant(`delete from stores where id = 's8'`),
  fc.constant(`insert into stores (id, title) values ('s8', 'Again') on conflict do nothing`),
  fc.constant(`insert into feed_changes (feed, hash) values ('stores', -1)`),
)

test('after any links, publishing and deletes the feed is as made from nothing, by every reader', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(anyWrite, { minLength: 1, maxLength: 3 }), { minLength: 5, maxLength: 12 }),
      async (rounds) => {
        for (const writes of rounds) {
          for (const write of writes) await run(write)
          await expectRight()
        }
        await expectPartition()
        await expectAsFromNothing()
      },
    ),
    { numRuns: 12 },
  )
}, 240_000)
