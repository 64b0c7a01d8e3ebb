/** Which faults the sandbox injects: a seeded draw for each request, and the items it always rejects. */
import { z } from 'zod'

const probability = z.number().min(0).max(1).default(0)

const pattern = z.string().refine((source) => {
  try {
    new RegExp(source)
    return true
  } catch {
    return false
  }
}, 'must be a regular expression')

/** The probability of each fault; a request gets at most one. */
export const faultsBody = z
  .strictObject({
    /** The same seed draws the same faults. */
    seed: z.int().default(1),
    /** 429, and the endpoint stays closed for `wait` seconds. */
    throttle: probability,
    wait: z.int().min(0).default(1),
    /** 503 with a JSON:API body. */
    error: probability,
    /** 525 with HTML, as from a CDN in front of Klaviyo. */
    html: probability,
    /** Nothing is recorded and no response is ever sent. */
    hang: probability,
    /** The connection is closed before anything is recorded. */
    cut: probability,
    /** Everything is recorded, then the connection is closed without a response. */
    lost: probability,
    /** Rejected with 400: events by unique_id or a regular expression on it, profiles by e-mail or phone number. */
    bad: z
      .strictObject({
        ids: z.array(z.string()).default([]),
        pattern: pattern.optional(),
        identifiers: z.array(z.string()).default([]),
      })
      .default({ ids: [], identifiers: [] }),
  })
  .refine((faults) => KINDS.reduce((sum, kind) => sum + faults[kind], 0) <= 1, {
    error: 'the probabilities must not add up to more than 1',
  })

const KINDS = ['throttle', 'error', 'html', 'hang', 'cut', 'lost'] as const

export type FaultKind = (typeof KINDS)[number]
type Faults = z.infer<typeof faultsBody>
export type FaultsInput = z.input<typeof faultsBody>

export type FaultInjector = {
  faults: Faults
  /** The fault of the next request, or null. */
  draw: () => FaultKind | null
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
    draw: () => {
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

/** mulberry32. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
