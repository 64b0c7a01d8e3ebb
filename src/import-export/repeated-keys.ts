/** Finds keys that a file names twice, in a few bytes a key, so that a file of millions of rows can be checked. */
import { createHash } from 'node:crypto'
import { AppError } from '../lib/errors.ts'

export type SeenKeys = {
  /** The line where the key was seen first; undefined for a new key, which is remembered. */
  see: (key: string, line: number) => number | undefined
}

const initialSize = 1 << 12

/** Keys are told apart by 64 bits of their MD5: among ten million, two are confused once in 400,000 files. */
export function seenKeys(): SeenKeys {
  let slots = new BigUint64Array(initialSize)
  let lines = new Uint32Array(initialSize)
  let count = 0
  function place(hash: bigint): number {
    let at = Number(hash & BigInt(slots.length - 1))
    while (slots[at] !== 0n && slots[at] !== hash) at = (at + 1) % slots.length
    return at
  }
  function grow(): void {
    const [oldSlots, oldLines] = [slots, lines]
    slots = new BigUint64Array(oldSlots.length * 2)
    lines = new Uint32Array(oldSlots.length * 2)
    for (const [from, hash] of oldSlots.entries()) {
      if (hash === 0n) continue
      const to = place(hash)
      slots[to] = hash
      lines[to] = oldLines[from] ?? 0
    }
  }
  return {
    see(key, line) {
      const hash = createHash('md5').update(key).digest().readBigUInt64LE() || 1n
      const at = place(hash)
      if (slots[at] === hash) return lines[at]
      slots[at] = hash
      lines[at] = line
      count++
      if (count * 2 > slots.length) grow()
      return undefined
    },
  }
}

const maxShown = 5

export type Repetitions = {
  check: (key: string | null, line: number, isVariant: boolean) => void
  /** Throws an {@link AppError} when a key was there twice and the user did not say what that means. */
  end: () => void
}

/** For rows that make a record of their own: those of one order that follow one another are one. */
export function repetitions(
  file: string,
  {
    joinsRows,
    mapping,
  }: { joinsRows: boolean; mapping: { variants: 'first' | 'rows' | undefined } },
): Repetitions {
  const keys = seenKeys()
  const shown: string[] = []
  let count = 0
  let variants = 0
  const advice = joinsRows
    ? 'Put the rows of each next to one another: sort the file by it.'
    : 'Keep one of them; or, for products with variants: --variants first makes one product of them, from the first row, --variants rows makes each row a product whose id is its sku.'
  function repeatedIds(): string {
    const between = joinsRows ? ', with other rows between' : ''
    const more = count > shown.length ? ', …' : ''
    return `names ${count} ${count === 1 ? 'id' : 'ids'} again${between}: ${shown.join(', ')}${more}.`
  }
  return {
    check(key, line, isVariant) {
      if (isVariant && mapping.variants === undefined) variants++
      if (key === null || mapping.variants === 'first') return
      const first = keys.see(key, line)
      if (first === undefined) return
      count++
      if (shown.length < maxShown) shown.push(`${describeKey(key)} (lines ${first} and ${line})`)
    },
    end() {
      if (count > 0) throw new AppError('invalid', `${file} ${repeatedIds()} ${advice}`)
      if (variants > 0) throw new AppError('invalid', `${file} holds ${variants} ${unsaid}`)
    },
  }
}

const unsaid =
  'rows of variants: say --variants first for one product each, without them, or --variants rows for a product of each variant.'

function describeKey(key: string): string {
  const parts: unknown = JSON.parse(key)
  return Array.isArray(parts) ? parts.map((part) => JSON.stringify(part)).join(' ') : key
}
