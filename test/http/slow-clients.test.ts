/** Clients that send or read too slowly, or nothing at all, do not block the server. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setTimeout as delay, setInterval as every } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { gzip, poll } from '../feeds/polls.ts'
import { startAnother } from '../feeds/servers.ts'
import { until } from '../feeds/until.ts'
import { askAndWait, problemIn, speak } from '../support/raw-client.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const figures = {
  headersMs: 400,
  requestMs: 800,
  idleMs: 400,
  checkMs: 50,
  stallMs: 600,
  connections: 60,
  uncompressedStreams: 3,
  uncompressedWaitMs: 100,
}
let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ feedsPublic: true }, figures)
  await fill(server)
})
afterAll(() => server.stop())

const feed = '/feeds/products.json'
let wholeFeed = 0

/** With too much for the buffers of a connection, also when it is packed. */
async function fill({ url, database }: TestServer): Promise<void> {
  await database.db.execute(sql`
    insert into products (id, title, description)
    select 'p' || n, 'P', (select string_agg(md5(random()::text || n || m), '') from generate_series(1, 500) m)
    from generate_series(1, 800) n`)
  const whole = await until(
    () => poll(`${url}${feed}`, { headers: gzip }),
    ({ headers }) => headers['x-feed-items'] === '800',
  )
  wholeFeed = whole.body.length
}

const put =
  () => `PUT /v1/products/slow HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.key}\r
Content-Type: application/json\r\n`

test.each([
  ['no word', ''],
  ['half a line', 'GET /heal'],
  ['headers without an end', 'GET /healthz HTTP/1.1\r\nHost: x\r\n'],
])('who sends %s is told so and cut off', async (_, words) => {
  const { heard } = await speak(server.url, words)
  const { status, headers, problem } = problemIn(await heard)
  expect(status).toBe(408)
  expect(headers).toContain('Connection: close')
  expect(problem).toEqual({
    type: 'urn:storefeed:request-timeout',
    title: 'The request timed out',
    status: 408,
    detail: 'The request did not arrive completely in time.',
  })
})

test('who sends one header after another, without an end, is cut off all the same', async () => {
  const { socket, heard } = await speak(server.url, 'GET /healthz HTTP/1.1\r\nHost: x\r\n')
  const dripping = drip(socket, 'X-More: 1\r\n')
  expect(problemIn(await heard).status).toBe(408)
  await dripping
})

test.each([
  ['with its length', 'Content-Length: 1000\r\n\r\n', ' '],
  ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n', '1\r\n \r\n'],
])('who sends a body %s byte by byte is told so and cut off', async (_, headers, piece) => {
  const { socket, heard } = await speak(server.url, `${put()}${headers}`)
  const dripping = drip(socket, piece)
  expect(problemIn(await heard).status).toBe(408)
  await dripping
  expect((await server.ask('GET', '/v1/products/slow')).status).toBe(404)
})

test('a connection on which nothing is asked any more is closed', async () => {
  const { heard } = await speak(server.url, 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
  expect(await heard).toContain('{"status":"alive"}')
})

test.each([
  ['a packed feed', 'Accept-Encoding: gzip\r\n'],
  ['an unpacked feed', ''],
])('who asks for %s and takes nothing of it is cut off', async (what, headers) => {
  const socket = await askAndWait(server.url, feed, `User-Agent: ${what}\r\n${headers}`)
  await untilEnded(what, 1)
  expect(await drain(socket)).toBeLessThan(wholeFeed)
})

test('who takes a little now and then is cut off when it takes too long', async () => {
  const slow = await startAnother(
    server.database.url,
    {},
    { ...figures, stallMs: 60_000, answerMs: 300, bytesPerSecond: 10_000_000 },
  )
  try {
    const socket = await askAndWait(slow.url, feed, 'User-Agent: little\r\n')
    const taking = new AbortController()
    const taken = takeSlowly(socket, taking.signal)
    await untilEnded('little', 1)
    taking.abort()
    expect((await taken) + (await drain(socket))).toBeLessThan(wholeFeed)
  } finally {
    await slow.stop()
  }
})

test('many that are slow hold nobody up, and all of them are cut off', async () => {
  const headers = 'User-Agent: many\r\nAccept-Encoding: gzip\r\n'
  const slow = Array.from({ length: 20 }, async () => {
    await askAndWait(server.url, feed, headers)
    return speak(server.url, `${put()}Content-Length: 9\r\n\r\n`)
  })
  const writers = await Promise.all(slow)
  expect((await poll(`${server.url}${feed}`, { headers: gzip })).status).toBe(200)
  expect((await server.ask('PUT', '/v1/stores/quick', { title: 'Quick' })).status).toBe(201)
  expect((await server.ask('DELETE', '/v1/stores/quick')).status).toBe(204)
  const heard = await Promise.all(writers.map((writer) => writer.heard))
  expect(new Set(heard.map((text) => problemIn(text).status))).toEqual(new Set([408]))
  await untilEnded('many', 20)
})

test('more connections than the server bears are not accepted', async () => {
  const clients = await Promise.all(
    Array.from({ length: figures.connections + 5 }, () => speak(server.url, '')),
  )
  const heard = await Promise.all(clients.map((client) => client.heard))
  const refused = heard.filter((text) => text === '')
  expect(refused.length).toBeGreaterThanOrEqual(5)
  expect(heard.length - refused.length).toBeGreaterThan(0)
})

test('only so many feeds are unpacked at once; packed and small ones are always served', async () => {
  const patient = { ...figures, stallMs: 60_000, answerMs: 60_000 }
  const other = await startAnother(server.database.url, {}, patient)
  try {
    const url = `${other.url}${feed}`
    const slow = await Promise.all(
      Array.from({ length: figures.uncompressedStreams }, () => askAndWait(other.url, feed)),
    )
    // Each has its place once its answer has begun.
    await Promise.all(slow.map((socket) => once(socket, 'readable')))
    const refused = await poll(url)
    expect(refused.status).toBe(503)
    expect(refused.headers['retry-after']).toBe('5')
    expect(refused.headers).not.toHaveProperty('x-feed-version')
    expect(JSON.parse(refused.text)).toMatchObject({
      type: 'urn:storefeed:unavailable',
      detail: expect.stringContaining('Accept-Encoding: gzip'),
    })
    expect((await poll(url, { headers: gzip })).status).toBe(200)
    expect((await poll(url, { method: 'HEAD' })).status).toBe(200)
    const small = await poll(`${other.url}/feeds/stores.json`)
    expect([small.status, JSON.parse(small.text)]).toEqual([200, []])
    for (const socket of slow) socket.destroy()
    await until(
      () => poll(url),
      ({ status }) => status === 200,
    )
  } finally {
    await other.stop()
  }
})

test('a server stops although a reader takes nothing, and another has not said all', async () => {
  const patient = { stallMs: 600_000, answerMs: 600_000, headersMs: 600_000, requestMs: 600_000 }
  const other = await startAnother(server.database.url, {}, { ...figures, ...patient })
  const reader = await askAndWait(other.url, feed)
  await once(reader, 'readable')
  await speak(other.url, `${put()}Content-Length: 9\r\n\r\n`)
  await other.stop()
  expect(await drain(reader)).toBeLessThan(wholeFeed)
})

/** Until the server has closed the connection. */
async function drip(socket: Socket, piece: string): Promise<void> {
  for await (const _ of every(50)) {
    if (socket.destroyed || !socket.writable) return
    socket.write(piece)
  }
}

/** A poll is recorded when it ends, however it ends. */
async function untilEnded(agent: string, count: number): Promise<void> {
  await until(
    () => server.database.db.execute(sql`select from feed_polls where user_agent = ${agent}`),
    (polls) => polls.length === count,
  )
}

async function takeSlowly(socket: Socket, signal: AbortSignal): Promise<number> {
  let taken = 0
  socket.once('readable', () => undefined)
  while (!signal.aborted && !socket.destroyed) {
    taken += socket.read(1000)?.length ?? 0
    await delay(20)
  }
  return taken
}

/** How much was still on its way when the server closed the connection. */
async function drain(socket: Socket): Promise<number> {
  let bytes = 0
  socket.on('data', (chunk) => {
    bytes += chunk.length
  })
  if (!socket.destroyed) {
    socket.resume()
    await once(socket, 'close')
  }
  return bytes
}
