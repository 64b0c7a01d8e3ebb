/** In charge of failing on purpose: how often each fault strikes, which items are bad, and the dice. */
import { z } from 'zod'

const share = z.number().min(0).max(1).default(0)

const pattern = z.string().refine((source) => {
  try {
    new RegExp(source)
    return true
  } catch {
    return false
  }
}, 'must be a regular expression')

/** The share of requests that each fault strikes; one dice is thrown a request. */
export const faultsBody = z
  .strictObject({
    /** The same seed throws the same dice. */
    seed: z.int().default(1),
    /** 429, and no request gets through for `wait` seconds. */
    throttle: share,
    wait: z.int().min(0).default(1),
    /** 503 with a JSON:API body. */
    error: share,
    /** 525 with HTML, as from an edge in front of Klaviyo. */
    html: share,
    /** Nothing is recorded and no answer ever comes. */
    hang: share,
    /** The connection is cut before anything is recorded. */
    cut: share,
    /** Everything is recorded, then the connection is cut. */
    lost: share,
    /** Refused with 400: events by unique_id or by a regular expression on it, people by an e-mail or telephone. */
    bad: z
      .strictObject({
        ids: z.array(z.string()).default([]),
        pattern: pattern.optional(),
        identifiers: z.array(z.string()).default([]),
      })
      .default({ ids: [], identifiers: [] }),
  })
  .refine((faults) => KINDS.reduce((sum, kind) => sum + faults[kind], 0) <= 1, {
    error: 'the shares must not come to more than 1',
  })

const KINDS = ['throttle', 'error', 'html', 'hang', 'cut', 'lost'] as const

export type FaultKind = (typeof KINDS)[number]
type Faults = z.infer<typeof faultsBody>
export type FaultsInput = z.input<typeof faultsBody>

/** Throws the dice for one request; tells whether an event or an identifier is bad. */
export type FaultInjector = {
  faults: Faults
  roll: () => FaultKind | null
  isBad: (uniqueId: string | null | undefined) => boolean
  isBadIdentifier: (identifier: string | undefined) => boolean
}

export function createFaultInjector(input: FaultsInput = {}): FaultInjector {
  const faults = faultsBody.parse(input)
  const random = createRandom(faults.seed)
  const badIds = new Set(faults.bad.ids)
  const badIdentifiers = new Set(faults.bad.identifiers)
  const badPattern = faults.bad.pattern ? new RegExp(faults.bad.pattern) : null
  return {
    faults,
    roll: () => {
      let left = random()
      for (const kind of KINDS) {
        left -= faults[kind]
        if (left < 0) return kind
      }
      return null
    },
    isBad: (uniqueId) =>
      typeof uniqueId === 'string' &&
      (badIds.has(uniqueId) || (badPattern?.test(uniqueId) ?? false)),
    isBadIdentifier: (identifier) => identifier !== undefined && badIdentifiers.has(identifier),
  }
}

/** mulberry32: small, seeded, good enough to choose who fails. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
