/** Concurrent clients: each sends one request after the other and reuses values from its own responses. */
import fc from 'fast-check'
import type { Answer } from '../support/server.ts'
import { checkResponse } from './check-response.ts'
import { type Coverage, countResponse } from './coverage.ts'
import { collect, noValues, type ObservedValues, resourceOf } from './observed-values.ts'
import type { FuzzRequest } from './requests.ts'
import { toShellCommand } from './shell-command.ts'
import type { Transport } from './transport.ts'
import type { Source } from './valid-values.ts'

export type FuzzRun = {
  url: string
  key: string
  source: Source
  requests: fc.Arbitrary<FuzzRequest>
  transport: Transport
  coverage: Coverage
  /** True once a client has found a failure: the others stop. */
  failed: boolean
  /** What each client has seen, in earlier rounds too: an operation that needs two records that belong together rarely finds them else. */
  observed: ObservedValues[]
}

export const clientCount = 12
/** How long a failure is shrunk. */
const shrinkMs = 10_000

/** One seed for each request, independent of timing. Biased integers would repeat. */
const seedsOf = (seed: number, requests: number): number[] =>
  fc.sample(fc.noBias(fc.integer()), { seed, numRuns: requests })

/** Throws the first failure. */
export async function runClients(run: FuzzRun, seed: number, requests: number): Promise<void> {
  const seeds = seedsOf(seed, requests)
  const clients = Array.from({ length: clientCount }, (_, client) =>
    runClient(
      run,
      run.observed[client] ?? noValues(),
      seeds.filter((_, index) => index % clientCount === client),
    ),
  )
  await Promise.all(clients)
}

/** Sends one request for each seed; throws the first failure, shrunk, with the request as a shell command. */
async function runClient(run: FuzzRun, observed: ObservedValues, seeds: number[]): Promise<void> {
  for (const seed of seeds) {
    if (run.failed) return
    run.source.observed = observed
    const [sent] = fc.sample(run.requests, { seed, numRuns: 1 })
    if (!sent) throw new Error('no request was drawn')
    try {
      const answer = await sendAndCheck(run, sent)
      if (answer) collectFrom(observed, sent, answer)
    } catch (error) {
      run.failed = true
      throw await shrink(run, { seed, sent, error, observed })
    }
  }
}

async function sendAndCheck(run: FuzzRun, sent: FuzzRequest): Promise<Answer | null> {
  const answer = await run.transport.send(sent)
  countResponse(run.coverage, sent, answer?.status ?? null)
  await checkResponse(run.url, sent, answer, run.key)
  return answer
}

function collectFrom(
  observed: ObservedValues,
  { operation, target, method }: FuzzRequest,
  answer: Answer,
): void {
  const path = target.replace(/\?.*/s, '')
  const etag = answer.headers.get('ETag')
  if (etag !== null && method !== 'HEAD') observed.etags.set(path, etag)
  if (answer.status < 300) collect(observed, answer.body, resourceOf(operation.path))
}

type Failure = { seed: number; sent: FuzzRequest; error: unknown; observed: ObservedValues }

/** Collects no values meanwhile, so that the same seed generates the same request. */
async function shrink(run: FuzzRun, { seed, sent, error, observed }: Failure): Promise<Error> {
  run.source.observed = observed
  const property = fc.asyncProperty(run.requests, async (one) => {
    await sendAndCheck(run, one)
  })
  const { counterexample } = await fc.check(property, {
    seed,
    numRuns: 1,
    interruptAfterTimeLimit: shrinkMs,
  })
  const shown = toShellCommand(run.url, counterexample?.[0] ?? sent, run.key)
  const first = toShellCommand(run.url, sent, run.key)
  const reason = error instanceof Error ? error.message : String(error)
  return new Error(
    `${reason}\n\nTo reproduce it on a server with the key $API_KEY:\n${shown}\n\nBefore shrinking:\n${first}`,
    { cause: error },
  )
}
