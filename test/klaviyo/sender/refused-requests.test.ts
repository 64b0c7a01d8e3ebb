/** What Klaviyo, or a proxy before it, refuses as a whole is sorted out message by message, and nothing waits for it. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Answer, startAnsweringServer } from '../../support/answering-server.ts'
import { createRig } from '../rig.ts'
import { seedOrders, statuses } from '../seed.ts'

let rig: Awaited<ReturnType<typeof createRig>>
let server: Awaited<ReturnType<typeof startAnsweringServer>>

beforeAll(async () => {
  rig = await createRig()
  server = await startAnsweringServer()
})
afterAll(async () => {
  server.stop()
  await rig.close()
})
beforeEach(async () => {
  await rig.db.execute(sql`truncate orders, customers, order_items, order_updates, visits, outbox`)
  await rig.db.execute(sql`update outbox_queues set paused_until = null, requests = '{}'`)
})

const refusal = JSON.stringify({ errors: [{ id: '1', code: 'invalid', detail: 'No.' }] })

test('events of a bulk request that is refused without a pointer are sent one by one', async () => {
  let bulk = 0
  server.answerWith((request, response, body) => {
    const isBulk = request.url?.includes('bulk') ?? false
    bulk += Number(isBulk)
    const isBad = isBulk || JSON.parse(body).data.attributes.unique_id === 'o3'
    response.writeHead(isBad ? 400 : 202).end(isBad ? refusal : '')
  })
  await seedOrders(rig.db, 20)
  await rig.sendAll({ url: server.url })
  expect(await statuses(rig.db)).toEqual({ sent: 59, failed: 1 })
  expect(bulk).toBe(1)
})

/** Takes bodies of up to so many bytes. */
const upTo =
  (bytes: number): Answer =>
  (_request, response, body) =>
    response.writeHead(Buffer.byteLength(body) > bytes ? 413 : 202).end()

async function seedLarge(): Promise<void> {
  await seedOrders(rig.db, 1)
  await rig.db.execute(sql`insert into order_items (order_id, line, product_id, product_name, categories)
    select 'o1', n, 'p' || n, repeat('x', 200), array['c' || n] from generate_series(3, 500) n`)
  await rig.db.execute(sql`delete from outbox where metric <> 'placed_order'`)
  // The lines amended the order: once it is sent, it would get the messages that were just deleted.
  await rig.db.execute(sql`delete from outbox_amended_orders`)
}

test('an event that is called too large is sent smaller, and says what was cut', async () => {
  server.answerWith(upTo(50_000))
  await seedLarge()
  await rig.sendAll({ url: server.url })
  expect(await statuses(rig.db)).toEqual({ sent: 1 })
  const [message] = await rig.db.execute<{ warnings: string[] }>(
    sql`select jsonb_path_query_array(warnings, '$[*].detail') as warnings from outbox`,
  )
  expect(message?.warnings).toContain('Items cut: the event is too large for the server')
})

test('one that is still too large with nothing left to cut fails', async () => {
  server.answerWith(upTo(10))
  await seedLarge()
  await rig.sendAll({ url: server.url })
  expect(await statuses(rig.db)).toEqual({ failed: 1 })
})
