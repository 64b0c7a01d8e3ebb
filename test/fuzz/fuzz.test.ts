/**
 * In charge of showing that no request, however odd, gets an answer that the OpenAPI document does not
 * tell of, or does the feeds any harm. FUZZ_SEED draws the same requests again, FUZZ_REQUESTS more of them.
 */
import { createHash, randomInt } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectAsFromScratch, readFeeds } from '../feeds/from-scratch.ts'
import type { OpenApi } from '../support/contract.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { callAll, callers, type Run } from './callers.ts'
import { countFaults, prepareGround, releaseFeeds } from './ground.ts'
import { nothingKnown } from './known.ts'
import { operationsOf } from './operations.ts'
import { anyRequest } from './requests.ts'
import { countAll, missed, newTally, table } from './tally.ts'
import { openWire } from './wire.ts'

const seed = Number(process.env.FUZZ_SEED ?? randomInt(2 ** 31))
const requests = Number(process.env.FUZZ_REQUESTS ?? 20_400)
const again = `FUZZ_SEED=${seed} FUZZ_REQUESTS=${requests} npx vitest run test/fuzz`

let server: TestServer
let document: OpenApi
beforeAll(async () => {
  server = await startTestServer({ feedWaitMs: 15_000, feedMaxDrop: 0.5 })
  await prepareGround(server)
  document = JSON.parse((await server.ask('GET', '/openapi.json')).text)
})
afterAll(() => server.stop())

function drawnFrom(key: string) {
  const source = { document, known: nothingKnown() }
  return { source, requests: anyRequest({ admin: key, source }, operationsOf(document)) }
}

test('a seed draws the same requests again', () => {
  // A body may be of ten megabytes, which takes minutes to compare byte by byte.
  const digest = (body: Buffer | undefined) =>
    createHash('sha256')
      .update(body ?? '')
      .digest('hex')
  const draw = () =>
    fc
      .sample(drawnFrom('key').requests, { seed, numRuns: 200 })
      .map(({ body, ...sent }) => ({ ...sent, body: digest(body) }))
  expect(draw()).toEqual(draw())
})

test('whatever is asked, each route answers as it is documented', {
  timeout: 600_000,
}, async () => {
  const { url, key } = server
  const operations = operationsOf(document)
  const wire = openWire(url, callers)
  const run: Run = { url, key, ...drawnFrom(key), wire, tally: newTally(operations), over: false }
  const started = performance.now()
  await callAll(run, seed, requests)
    .catch((error: Error) => {
      throw new Error(`${error.message}\n\nThe same requests again: ${again}`)
    })
    .finally(wire.close)
  const seconds = Math.round((performance.now() - started) / 1000)
  process.stdout.write(
    `${table(run.tally)}${countAll(run.tally)} requests in ${seconds} s, seed ${seed}\n`,
  )
  expect(missed(run.tally, operations)).toEqual([])
})

test('afterwards the feeds are as if rendered from nothing, and nothing is amiss', async () => {
  await releaseFeeds(server)
  const served = await readFeeds(server.url, { Authorization: `Bearer ${server.key}` })
  await expectAsFromScratch(served, server.database)
  expect(await countFaults(server.database)).toEqual({ ids: 0, messages: 0 })
  expect((await server.ask('GET', '/readyz')).body).toEqual({ status: 'ready', problems: [] })
})
