/**
 * No request, valid or not, gets an undocumented response or corrupts the feeds.
 * FUZZ_SEED generates the same requests again, FUZZ_REQUESTS sets their number.
 */
import { createHash, randomInt } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectAsFromScratch, readFeeds } from '../feeds/from-scratch.ts'
import type { OpenApi } from '../support/contract.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { clientCount, type FuzzRun, runClients } from './clients.ts'
import { countRequests, createCoverage, findUncovered, formatTable, nameOf } from './coverage.ts'
import { noValues } from './observed-values.ts'
import { type Operation, operationsOf } from './operations.ts'
import { anyRequest } from './requests.ts'
import { countInconsistencies, prepareServer, releaseFeeds } from './server-state.ts'
import { createTransport } from './transport.ts'

const seed = Number(process.env.FUZZ_SEED ?? randomInt(2 ** 31))
const requests = Number(process.env.FUZZ_REQUESTS ?? 20_400)
/** An operation that succeeds now and then may have failed by chance; half of these requests are of such. */
const moreRounds = 5
const command = `FUZZ_SEED=${seed} FUZZ_REQUESTS=${requests} npx vitest run test/fuzz`

let server: TestServer
let document: OpenApi
beforeAll(async () => {
  server = await startTestServer({ feedWaitMs: 15_000, feedMaxDrop: 0.5 })
  await prepareServer(server)
  document = JSON.parse((await server.ask('GET', '/openapi.json')).text)
})
afterAll(() => server.stop())

function requestsWith(key: string) {
  const source = { document, observed: noValues() }
  const requestsOf = (operations: Operation[]) => anyRequest({ admin: key, source }, operations)
  return { source, requestsOf, requests: requestsOf(operationsOf(document)) }
}

test('the same seed generates the same requests', () => {
  // Comparing bodies of ten megabytes would take minutes.
  const digest = (body: Buffer | undefined) =>
    createHash('sha256')
      .update(body ?? '')
      .digest('hex')
  const generate = () =>
    fc
      .sample(requestsWith('key').requests, { seed, numRuns: 200 })
      .map(({ body, ...sent }) => ({ ...sent, body: digest(body) }))
  expect(generate()).toEqual(generate())
})

test('every response is as documented, and every operation succeeds at least once', {
  timeout: 600_000,
}, async () => {
  const { url, key } = server
  const operations = operationsOf(document)
  const transport = createTransport(url, clientCount)
  const { source, requests: any, requestsOf } = requestsWith(key)
  const run: FuzzRun = {
    url,
    key,
    source,
    requests: any,
    transport,
    coverage: createCoverage(operations),
    failed: false,
    observed: Array.from({ length: clientCount }, noValues),
  }
  const started = performance.now()
  async function runAll() {
    await runClients(run, seed, requests)
    for (let round = 1; round <= moreRounds; round++) {
      const missing = new Set(findUncovered(run.coverage, operations))
      if (missing.size === 0) return
      const rare = requestsOf(operations.filter((one) => missing.has(nameOf(one))))
      await runClients({ ...run, requests: fc.oneof(any, rare) }, seed + round, requests / 10)
    }
  }
  await runAll()
    .catch((error: Error) => {
      throw new Error(`${error.message}\n\nTo repeat these requests: ${command}`)
    })
    .finally(transport.close)
  const seconds = Math.round((performance.now() - started) / 1000)
  process.stdout.write(
    `${formatTable(run.coverage)}${countRequests(run.coverage)} requests in ${seconds} s, seed ${seed}\n`,
  )
  expect(findUncovered(run.coverage, operations)).toEqual([])
})

test('afterwards the feeds equal a rebuild, and the data is consistent', async () => {
  await releaseFeeds(server)
  const served = await readFeeds(server.url, { Authorization: `Bearer ${server.key}` })
  await expectAsFromScratch(served, server.database)
  expect(await countInconsistencies(server.database)).toEqual({ ids: 0, messages: 0 })
  expect((await server.ask('GET', '/readyz')).body).toEqual({ status: 'ready', problems: [] })
})
