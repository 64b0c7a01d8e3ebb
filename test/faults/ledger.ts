/** In charge of what writers know: what they tried, what was acknowledged, and what no server should have said. */

/** A record is written again and again, each time with the next number. */
type Numbered = { tried: number; acknowledged: number }

export type Ledger = {
  products: Map<string, Numbered>
  /** Ids of orders, each with how many of its updates were acknowledged. */
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

export function openLedger(): Ledger {
  return {
    products: new Map(),
    orders: new Map(),
    links: new Set(),
    wrong: [],
    counts: { acknowledged: 0, unacknowledged: 0, polls: 0, stale: 0, unchanged: 0 },
    slowestMs: { write: 0, poll: 0 },
  }
}

/** The next number of a product, noted as tried. */
export function tryNext({ products }: Ledger, id: string): { number: number; kept: () => void } {
  const entry = products.get(id) ?? { tried: 0, acknowledged: 0 }
  products.set(id, entry)
  const number = ++entry.tried
  return {
    number,
    kept: () => {
      entry.acknowledged = number
    },
  }
}
