import type { ServerResponse } from 'node:http'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ResponseTooLargeError, sendRequest } from '../../src/lib/http-request.ts'
import { TimeoutError } from '../../src/lib/with-timeout.ts'
import { startAnsweringServer } from '../support/answering-server.ts'

let server: Awaited<ReturnType<typeof startAnsweringServer>>

beforeAll(async () => {
  server = await startAnsweringServer()
})
afterAll(() => server.stop())

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

/** Resolves once the server sees the connection of its response closed. */
const closed = (response: ServerResponse) =>
  new Promise<void>((resolve) => response.once('close', resolve))

const get = (limits: { timeoutMs?: number; maxBytes?: number } = {}) =>
  sendRequest(server.url, {}, { timeoutMs: 5_000, maxBytes: 1_000, ...limits })

test('a response is its status, headers and body', async () => {
  server.answerWith((_request, response) => response.writeHead(202, { 'x-one': '1' }).end('é'))
  const { status, headers, body } = await get()
  expect([status, headers.get('x-one'), body.toString()]).toEqual([202, '1', 'é'])
})

test('a body that never ends is given up at the timeout, whatever the garbage collector did meanwhile', async () => {
  let ended: Promise<void> | undefined
  server.answerWith((_request, response) => {
    ended = closed(response)
    const drip = setInterval(() => response.write('.'), 20)
    void ended.then(() => clearInterval(drip))
  })
  const collecting = setInterval(collectGarbage, 50)
  await expect(get({ timeoutMs: 500 })).rejects.toThrow(TimeoutError)
  clearInterval(collecting)
  await ended
})

test('a response without headers is given up at the timeout, and its connection closed', async () => {
  let ended: Promise<void> | undefined
  server.answerWith((_request, response) => {
    ended = closed(response)
  })
  await expect(get({ timeoutMs: 200 })).rejects.toThrow(TimeoutError)
  await ended
})

test('a body that is too large is given up at once, and its connection closed', async () => {
  let ended: Promise<void> | undefined
  server.answerWith((_request, response) => {
    ended = closed(response)
    response.write('x'.repeat(2_000))
  })
  await expect(get()).rejects.toThrow(ResponseTooLargeError)
  await ended
})

test('a compressed body is measured as it is when it is read', async () => {
  const { gzipSync } = await import('node:zlib')
  const bomb = gzipSync(Buffer.alloc(10_000_000))
  server.answerWith((_request, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb),
  )
  await expect(get({ maxBytes: 1_000_000 })).rejects.toThrow(ResponseTooLargeError)
})

test('a compressed body is decoded', async () => {
  const { gzipSync } = await import('node:zlib')
  server.answerWith((_request, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('text')),
  )
  expect((await get()).body.toString()).toBe('text')
})

test('a compressed body that breaks off is a failure', async () => {
  const { gzipSync } = await import('node:zlib')
  server.answerWith((_request, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('text').subarray(0, 12)),
  )
  await expect(get()).rejects.toThrow('unexpected end of file')
})

test('a connection that is closed within the body is a failure', async () => {
  server.answerWith((_request, response) => {
    response.writeHead(200, { 'content-length': '10' }).write('half')
    setImmediate(() => response.destroy())
  })
  await expect(get()).rejects.toMatchObject({ code: 'ECONNRESET' })
})

test('one request after the other goes over the same connection', async () => {
  const ports: unknown[] = []
  server.answerWith((request, response) => {
    ports.push(request.socket.remotePort)
    response.end('text')
  })
  await get()
  await get()
  expect(ports[1]).toBe(ports[0])
})

test('a redirect is answered as it is', async () => {
  server.answerWith((_request, response) => response.writeHead(302, { location: '/other' }).end())
  expect((await get()).status).toBe(302)
})
