/** What the writers attempted, what was acknowledged, and responses that are wrong. */

/** A product is written repeatedly, each time with the next version number. */
type Versions = { attempted: number; acknowledged: number }

export type WriteLog = {
  products: Map<string, Versions>
  /** By id. */
  orders: Map<string, { acknowledged: boolean; fulfilled: boolean }>
  /** `product store`. */
  links: Set<string>
  wrong: string[]
  counts: {
    acknowledged: number
    unacknowledged: number
    polls: number
    stale: number
    unchanged: number
  }
  slowestMs: { write: number; poll: number }
}

export function createWriteLog(): WriteLog {
  return {
    products: new Map(),
    orders: new Map(),
    links: new Set(),
    wrong: [],
    counts: { acknowledged: 0, unacknowledged: 0, polls: 0, stale: 0, unchanged: 0 },
    slowestMs: { write: 0, poll: 0 },
  }
}

/** Counts an attempt to write the next version of a product. */
export function nextVersion(
  { products }: WriteLog,
  id: string,
): { version: number; acknowledge: () => void } {
  const entry = products.get(id) ?? { attempted: 0, acknowledged: 0 }
  products.set(id, entry)
  const version = ++entry.attempted
  return {
    version,
    acknowledge: () => {
      entry.acknowledged = version
    },
  }
}
