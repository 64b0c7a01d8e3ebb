/** Whoever writes messages wakes the senders of their queue, and no others. */
import { sql } from 'drizzle-orm'
import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { retryMessages } from '../../src/outbox/change-messages.ts'
import { seedOrders } from '../klaviyo/seed.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { openClient } from '../support/postgres-client.ts'

let database: TestDatabase
let listener: pg.Client
let payloads: (string | undefined)[] = []

beforeAll(async () => {
  database = await createTestDatabase()
  listener = await openClient(database.directUrl)
  listener.on('notification', ({ payload }) => payloads.push(payload))
  await listener.query('listen outbox')
})
afterAll(async () => {
  await listener.end()
  await database.close()
})
beforeEach(() => {
  payloads = []
})

/** The answer to a query comes after all notifications of what was committed before. */
async function notified(): Promise<typeof payloads> {
  await listener.query('select')
  return payloads
}

test('an order wakes the senders of events, once', async () => {
  await seedOrders(database.db, 3)
  expect(await notified()).toEqual(['events'])
})

test('an edit of a customer wakes the senders of profiles', async () => {
  await database.db.execute(sql`update customers set first_name = 'Joe' where id = 'o1'`)
  expect(await notified()).toEqual(['profiles'])
})

test('a retry wakes the senders of both', async () => {
  await database.db.execute(sql`update outbox set status = 'failed' where order_id = 'o1'`)
  await retryMessages(database.db, {})
  expect(await notified()).toEqual([''])
})

test('what writes no message wakes nobody', async () => {
  await database.db.execute(sql`select outbox_enqueue_missing('{o1}')`)
  expect(await notified()).toEqual([])
})
