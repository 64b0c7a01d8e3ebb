/** In charge of showing that no request, however odd, gets an answer that the OpenAPI document does not tell of, or does the feeds any harm. */
import { randomInt } from 'node:crypto'
import { afterAll, beforeAll, test } from 'vitest'
import type { OpenApi } from '../contract.ts'
import { startTestServer, type TestServer } from '../server.ts'
import { call, type Run, seedsOf } from './callers.ts'
import { prepareGround } from './ground.ts'
import { nothingKnown } from './known.ts'
import { operationsOf } from './operations.ts'
import { anyRequest } from './requests.ts'
import { countAll, newTally, table } from './tally.ts'
import { openWire, type Wire } from './wire.ts'

const seed = Number(process.env.FUZZ_SEED ?? randomInt(2 ** 31))
const count = Number(process.env.FUZZ_REQUESTS ?? 20_400)
const callers = 12

let server: TestServer
let wire: Wire
beforeAll(async () => {
  server = await startTestServer({ feedWaitMs: 15_000, feedMaxDrop: 0.5 })
  await prepareGround(server)
  wire = openWire(server.url, callers)
})
afterAll(async () => {
  wire.close()
  await server.stop()
})

test('every route answers whatever it is asked as it is documented', {
  timeout: 300_000,
}, async () => {
  const document: OpenApi = JSON.parse(await (await fetch(`${server.url}/openapi.json`)).text())
  const operations = operationsOf(document)
  const tally = newTally(operations)
  const source = { document, known: nothingKnown() }
  const requests = anyRequest({ admin: server.key, source }, operations)
  const run: Run = { url: server.url, key: server.key, source, requests, wire, tally, over: false }
  const seeds = seedsOf(seed, count)
  const shares = Array.from({ length: callers }, (_, caller) =>
    seeds.filter((_, place) => place % callers === caller),
  )
  const started = performance.now()
  try {
    await Promise.all(shares.map((share) => call(run, share)))
  } catch (error) {
    throw new Error(
      `${error instanceof Error ? error.message : error}\n\nFUZZ_SEED=${seed} npx vitest run test/fuzz`,
      { cause: error },
    )
  }
  const seconds = Math.round((performance.now() - started) / 1000)
  process.stdout.write(`${table(tally)}${countAll(tally)} requests, seed ${seed}, ${seconds} s\n`)
})
