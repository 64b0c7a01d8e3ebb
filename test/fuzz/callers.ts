/** In charge of the callers: each asks one request after the other, and learns from its own answers what to ask next. */
import fc from 'fast-check'
import type { Answer } from '../support/server.ts'
import { asShell } from './curl.ts'
import { type Known, learn, nothingKnown, nounOf } from './known.ts'
import type { Sent } from './requests.ts'
import { count, type Tally } from './tally.ts'
import type { Source } from './valid.ts'
import { judge } from './verdict.ts'
import type { Wire } from './wire.ts'

export type Run = {
  url: string
  key: string
  source: Source
  requests: fc.Arbitrary<Sent>
  wire: Wire
  tally: Tally
  /** True once a caller has found something: the others stop. */
  over: boolean
}

/** How many ask at once. */
export const callers = 12
/** How long a failure may be made smaller. */
const shrinkMs = 10_000

/** The seeds of a run's requests: the same for the same seed, whatever the callers do. Biased ones would come again and again. */
const seedsOf = (seed: number, requests: number): number[] =>
  fc.sample(fc.noBias(fc.integer()), { seed, numRuns: requests })

/** Throws the first thing that is found. */
export async function callAll(run: Run, seed: number, requests: number): Promise<void> {
  const seeds = seedsOf(seed, requests)
  const calls = Array.from({ length: callers }, (_, caller) =>
    call(
      run,
      seeds.filter((_, place) => place % callers === caller),
    ),
  )
  await Promise.all(calls)
}

/** Asks one request a seed; throws what it finds, as small as it can be had, with the request as shell lines. */
async function call(run: Run, seeds: number[]): Promise<void> {
  const known = nothingKnown()
  for (const seed of seeds) {
    if (run.over) return
    run.source.known = known
    const [sent] = fc.sample(run.requests, { seed, numRuns: 1 })
    if (!sent) throw new Error('no request was drawn')
    try {
      const answer = await ask(run, sent)
      if (answer) learnFrom(known, sent, answer)
    } catch (error) {
      run.over = true
      throw await smallest(run, { seed, sent, error, known })
    }
  }
}

async function ask(run: Run, sent: Sent): Promise<Answer | null> {
  const answer = await run.wire.send(sent)
  count(run.tally, sent, answer?.status ?? null)
  await judge(run.url, sent, answer, run.key)
  return answer
}

function learnFrom(known: Known, { operation, target, method }: Sent, answer: Answer): void {
  const path = target.replace(/\?.*/s, '')
  const etag = answer.headers.get('ETag')
  if (etag !== null && method !== 'HEAD') known.etags.set(path, etag)
  if (answer.status < 300) learn(known, answer.body, nounOf(operation.path))
}

type Found = { seed: number; sent: Sent; error: unknown; known: Known }

/** What was learned is left alone meanwhile, so that the same seed makes the same request again. */
async function smallest(run: Run, { seed, sent, error, known }: Found): Promise<Error> {
  run.source.known = known
  const property = fc.asyncProperty(run.requests, async (one) => {
    await ask(run, one)
  })
  const { counterexample } = await fc.check(property, {
    seed,
    numRuns: 1,
    interruptAfterTimeLimit: shrinkMs,
  })
  const shown = asShell(run.url, counterexample?.[0] ?? sent, run.key)
  const first = asShell(run.url, sent, run.key)
  const reason = error instanceof Error ? error.message : String(error)
  return new Error(
    `${reason}\n\nTo see it again, on a server with the key $API_KEY:\n${shown}\n\nAs it was found:\n${first}`,
    { cause: error },
  )
}
