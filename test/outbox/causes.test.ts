/** Failed messages grouped by what went wrong, and chosen by it. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { causeReport } from '../../src/outbox/event-schemas.ts'
import { startTestServer } from '../support/server.ts'

const server = await startTestServer()
afterAll(() => server.stop())
const { db } = server.database

beforeEach(() => db.execute(sql`truncate outbox`))

type Told = { error: string; status?: string; metric?: string }

async function write(...messages: Told[]): Promise<void> {
  await db.execute(sql`
    insert into outbox (order_id, metric, unique_id, occurred_at, status, error, created_at)
    select 'o' || n, coalesce(m ->> 'metric', 'placed_order'), 'o' || n, now(), coalesce(m ->> 'status', 'failed'),
      m ->> 'error', '2026-01-01T00:00:00Z'::timestamptz + n * interval '1 day'
    from jsonb_array_elements(${JSON.stringify(messages)}::jsonb) with ordinality as given(m, n)`)
}

async function causes(query = '') {
  return causeReport.parse((await server.ask('GET', `/v1/events/errors${query}`)).body)
}

test('errors that differ by an address, a number, a quoted value or a place are one cause', async () => {
  await write(
    { error: '400 Invalid email: ann.lee@klaviyo-demo.com' },
    { error: '400 Invalid email: bob@klaviyo-demo.com' },
    { error: '400 +1 617 555 0112 is no phone number' },
    { error: '400 +49 30 1234567 is no phone number' },
    { error: '400 "Ann" is not allowed at /data/attributes/3/name' },
    { error: "400 'Bob' is not allowed at /data/attributes/12/name" },
    { error: '413 too large' },
  )
  const { causes: found, messages, more } = await causes()
  expect(found.map(({ detail, count }) => [detail, count])).toEqual([
    ['400 “…” is not allowed at /data/attributes/…/name', 2],
    ['400 (number) is no phone number', 2],
    ['400 Invalid email: (e-mail)', 2],
    ['413 too large', 1],
  ])
  expect([messages, more]).toEqual([7, false])
  expect(JSON.stringify(found)).not.toMatch(/Ann|bob|klaviyo-demo|617/)
})

test('a cause tells when it began, when it was last met, and by which message', async () => {
  await write({ error: '400 a' }, { error: '400 b' }, { error: '400 a' })
  const [first] = (await causes()).causes
  const [row] = await db.execute(sql`select id::float8 from outbox where order_id = 'o3'`)
  expect(first).toMatchObject({ count: 2, last_id: row?.id })
  expect(Date.parse(first?.first_at ?? '')).toBe(Date.UTC(2026, 0, 2))
  expect(Date.parse(first?.last_at ?? '')).toBe(Date.UTC(2026, 0, 4))
})

test('an address at the end of a long error is masked too, though it is cut', async () => {
  const long = `400 ${'word '.repeat(58)}`
  await write({ error: `${long}ann.lee@klaviyo-demo.com is wrong` })
  const [cause] = (await causes()).causes
  expect(cause?.detail).toMatch(/word…$/)
})

test('causes are those of failed messages, or of the status and the filters asked for', async () => {
  await write(
    { error: '400 a' },
    { error: 'no customer', status: 'unsendable' },
    { error: '503 later', status: 'pending' },
    { error: '400 b', metric: 'ordered_product' },
  )
  const detailsOf = async (query: string) =>
    (await causes(query)).causes.map(({ detail }) => detail)
  expect(await detailsOf('')).toEqual(['400 b', '400 a'])
  expect(await detailsOf('?status=unsendable')).toEqual(['no customer'])
  expect(await detailsOf('?status=pending')).toEqual(['503 later'])
  expect(await detailsOf('?metric=ordered_product')).toEqual(['400 b'])
  expect(await detailsOf('?order_id=o1')).toEqual(['400 a'])
  expect(await detailsOf('?since=2026-01-04T12:00:00Z')).toEqual(['400 b'])
})

test('the messages of a cause can be listed, retried and discarded', async () => {
  await write({ error: '400 "x"' }, { error: '400 "y"' }, { error: '413 z' })
  const [first, second] = (await causes()).causes
  const list = await server.ask('GET', `/v1/events?cause=${first?.cause}`)
  const { events } = z
    .object({ events: z.array(z.looseObject({ order_id: z.string() })) })
    .parse(list.body)
  expect(events.map(({ order_id }) => order_id)).toEqual(['o2', 'o1'])
  const discarded = await server.ask('POST', '/v1/events/discard', {
    status: 'failed',
    cause: second?.cause,
  })
  expect(discarded.body).toMatchObject({ matched: 1, discarded: 1 })
  const retried = await server.ask('POST', '/v1/events/retry', { cause: first?.cause, expected: 2 })
  expect(retried.body).toMatchObject({ retried: 2 })
  const none = await server.ask('GET', '/v1/events?cause=0123456789abcdef')
  expect(none.body).toEqual({ events: [], next_cursor: null })
  expect((await server.ask('GET', '/v1/events?cause=x')).status).toBe(422)
})

test('of very many messages the newest 20,000 are read, and it is said that there are more', async () => {
  await db.execute(sql`
    insert into outbox (order_id, metric, unique_id, occurred_at, status, error, created_at)
    select 'x' || n, 'placed_order', 'x' || n, now(), 'failed', '400 order ' || md5(n::text) || '@x.example',
      '2026-01-01T00:00:00Z'::timestamptz + n * interval '1 s'
    from generate_series(1, 20005) n`)
  const report = await causes()
  expect(report).toMatchObject({ messages: 20_000, more: true })
  expect(report.causes).toMatchObject([{ detail: '400 order (e-mail)', count: 20_000 }])
})
