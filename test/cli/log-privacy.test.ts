import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect as connectSocket } from 'node:net'
import { sql } from 'drizzle-orm'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type Running, start } from './command-line.ts'

const key = 'key-that-must-not-be-logged'
const klaviyoKey = 'pk_0123456789abcdef0123456789'
const words = [
  'zenobia',
  'quixworth',
  'zq@',
  'zq%40',
  '5550177',
  '555 0177',
  'whistling',
  key,
  klaviyoKey,
]
const headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' }
const zenobia = {
  email: 'zq@klaviyo-demo.com',
  phone_number: '+1 617 555 0177',
  first_name: 'Zenobia',
  last_name: 'Quixworth',
  address1: '7 Whistling Lane',
}
const order = (customer: object) => ({
  total: 1,
  customer,
  billing_address: { last_name: 'Quixworth', phone: '6175550177' },
  metadata: { Note: 'For Zenobia' },
  items: [{ product_id: 'p', item_price: 1 }],
})

let database: TestDatabase
let running: Running | undefined
let klaviyo: Awaited<ReturnType<typeof startRudeKlaviyo>>
beforeAll(async () => {
  database = await createTestDatabase()
  klaviyo = await startRudeKlaviyo()
})
afterEach(async () => {
  await running?.end('SIGKILL')
})
afterAll(async () => {
  await klaviyo.stop()
  await database.close()
})

/** A Klaviyo whose errors repeat the request and its key. */
async function startRudeKlaviyo() {
  let status = 400
  const server = createServer(async (request, response) => {
    for await (const _ of request);
    const detail = `${zenobia.email} (${zenobia.phone_number}) by ${request.headers.authorization} is bad`
    response.writeHead(status).end(JSON.stringify({ errors: [{ detail }] }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    answer(with_: number) {
      status = with_
    },
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function startLogging(level: string): Promise<{ server: Running; url: string }> {
  const server = start(['serve'], {
    DATABASE_URL: database.url,
    API_KEY: key,
    KLAVIYO_API_KEY: klaviyoKey,
    KLAVIYO_URL: klaviyo.url,
    LOG_LEVEL: level,
  })
  running = server
  const [, url = ''] = await server.printed(/"url":"(http:[^"]+)".*"msg":"storefeed serves"/)
  return { server, url }
}

async function endQuietly(server: Running): Promise<string> {
  const { code, stdout, stderr } = await server.end()
  expect(code).toBe(0)
  const logged = stdout + stderr
  for (const word of words) expect(logged.toLowerCase()).not.toContain(word)
  return logged
}

/** Answers the status of each. */
async function askAll(url: string, requests: [string, string, unknown?][]): Promise<number[]> {
  const statuses: number[] = []
  for (const [method, path, body] of requests) {
    const sent = typeof body === 'string' ? body : JSON.stringify(body)
    const init = sent === undefined ? { method, headers } : { method, headers, body: sent }
    statuses.push((await fetch(url + path, init)).status)
  }
  return statuses
}

test('polls, requests good and bad, and their paths, queries and bodies', async () => {
  const { server, url } = await startLogging('debug')
  await fetch(`${url}/feeds/products.json?key=${key}`, {
    headers: { 'User-Agent': 'zq@ua.example' },
  })
  await fetch(`${url}/feeds/nothing.json?key=${key}`)
  await fetch(`${url}/feeds/zq@klaviyo-demo.com.json?key=zq@klaviyo-demo.com`)
  const basic = { Authorization: `Basic ${Buffer.from(`zq@x:${key}`).toString('base64')}` }
  await fetch(`${url}/feeds/stores.xml`, { headers: basic })
  const id = { 'X-Request-Id': 'zq@klaviyo-demo.com' }
  await fetch(`${url}/v1/products`, { headers: { ...headers, ...id } })
  await fetch(`${url}/v1/products`, { headers: { Authorization: 'Bearer zq@klaviyo-demo.com' } })
  const statuses = await askAll(url, [
    ['PUT', '/v1/customers/zq@klaviyo-demo.com', zenobia],
    ['GET', '/v1/customers/zq%40klaviyo-demo.com'],
    ['GET', '/v1/customers/Zenobia%20Quixworth'],
    ['GET', '/v1/customers/%E0zq@klaviyo-demo.com'],
    ['PUT', '/v1/orders/o1', order({ id: 'c', ...zenobia, email: 'another.zq@klaviyo-demo.com' })],
    ['PUT', '/v1/orders/zq@klaviyo-demo.com', { total: 'Zenobia', zenobia: 'zq@klaviyo-demo.com' }],
    ['PUT', '/v1/orders/o2', '{"customer": {"email": "zq@klaviyo-demo.com", Zenobia'],
    ['GET', '/v1/orders?customer_id=zq@klaviyo-demo.com&zenobia=%2B16175550177'],
    ['GET', '/v1/orders?cursor=zq@klaviyo-demo.com'],
    ['POST', '/nowhere/zq@klaviyo-demo.com?email=zq@klaviyo-demo.com', zenobia],
    ['POST', '/v1/keys', { name: 'Zenobia', scopes: ['read'] }],
    ['DELETE', '/v1/customers/zq@klaviyo-demo.com'],
  ])
  expect(statuses).toEqual([200, 200, 404, 404, 201, 422, 400, 422, 422, 404, 201, 204])
  await sendRaw(url, 'GET /zq@klaviyo-demo.com Zenobia HTTP/9\r\nX: zq@klaviyo-demo.com\r\n\r\n')
  await server.printed(/"method":"DELETE","path":"\/v1\/customers\/\{id\}","status":204/)
  const logged = await endQuietly(server)
  expect(logged).toContain('"method":"GET","path":"/feeds/products.json","status":200')
  expect(logged).toContain('"method":"PUT","path":"/v1/orders/{id}","status":422')
  expect(logged).toContain('"method":"POST","path":"none","status":404')
  expect(logged).not.toContain('sf_')
})

async function sendRaw(url: string, text: string): Promise<void> {
  const { hostname, port } = new URL(url)
  const socket = connectSocket(Number(port), hostname)
  socket.end(text)
  socket.resume()
  await once(socket, 'close')
}

test('writes that the database fails, in words that hold what was written', async () => {
  const { db } = database
  await db.execute(sql`create function say_it() returns trigger language plpgsql as $$
    begin raise exception 'no % here', row_to_json(new); end $$`)
  await db.execute(sql`create function cast_it() returns trigger language plpgsql as $$
    begin perform new.first_name::int; return new; end $$`)
  await db.execute(
    sql`create trigger say_it before insert on visits for each row execute function say_it()`,
  )
  await db.execute(
    sql`create trigger cast_it before insert on customers for each row when (new.id = 'cast') execute function cast_it()`,
  )
  const { server, url } = await startLogging('trace')
  const statuses = await askAll(url, [
    ['PUT', '/v1/stores/1', { title: 'Boston' }],
    ['POST', '/v1/visits', { customer: zenobia, store_id: '1' }],
    ['PUT', '/v1/customers/cast', { ...zenobia, email: 'cast.zq@klaviyo-demo.com' }],
  ])
  expect(statuses).toEqual([201, 500, 500])
  const logged = await endQuietly(server)
  expect(logged).toContain('"code":"P0001","message":"the database rejected it"')
  expect(logged).toContain(
    '"code":"22P02","message":"invalid input syntax for type integer: \\"…\\""',
  )
})

test('sending that fails, in words of Klaviyo or of the database that hold what was sent', async () => {
  const { db } = database
  const { server, url } = await startLogging('trace')
  klaviyo.answer(400)
  await askAll(url, [['PUT', '/v1/orders/b1', order({ id: 'c', ...zenobia })]])
  await server.printed(/messages failed: Klaviyo rejected them, or the last retry failed/)
  klaviyo.answer(500)
  await askAll(url, [['PUT', '/v1/orders/b2', order({ id: 'c', ...zenobia })]])
  await server.printed(/messages will be retried/)
  await db.execute(
    sql`create trigger say_it before update on outbox for each row execute function say_it()`,
  )
  await askAll(url, [['PUT', '/v1/orders/b3', order({ id: 'c', ...zenobia })]])
  await server.printed(/sending failed and is tried again/)
  await db.execute(sql`drop trigger say_it on outbox`)
  klaviyo.answer(403)
  await askAll(url, [['PUT', '/v1/orders/b4', order({ id: 'c', ...zenobia })]])
  await server.printed(/Klaviyo rejected the credentials; sending is paused/)
  const ready = await (await fetch(`${url}/readyz`)).text()
  expect(ready).toContain('403 ')
  for (const word of words) expect(ready.toLowerCase()).not.toContain(word)
  const logged = await endQuietly(server)
  expect(logged).toContain('"reason":"403 (e-mail) ((number)) by Klaviyo-API-Key (key) is bad"')
})
