/** Reproducible random choices. */

export type Random = {
  /** An integer from 0 to below - 1. */
  number: (below: number) => number
  pick: <T>(choices: readonly [T, ...T[]]) => T
  shuffle: <T>(list: readonly T[]) => T[]
}

/** mulberry32. */
export function seededRandom(seed: number): Random {
  let state = seed
  function random(): number {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const number = (below: number) => Math.floor(random() * below)
  return {
    number,
    pick: ([first, ...rest]) => [first, ...rest][number(rest.length + 1)] ?? first,
    shuffle: (list) =>
      list
        .map((item) => ({ item, place: random() }))
        .sort((a, b) => a.place - b.place)
        .map(({ item }) => item),
  }
}
