/** How large JSON is, told from its bytes: parsing and validating cost far more than this scan, and memory too. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { AppError } from './errors.ts'

type JsonSize = { values: number; depth: number }

/** So many values are validated and written within a fraction of a second. */
export const maxValues = 50_000
const maxDepth = 10_000
/** Of one object; no schema takes more. */
const maxKeys = 1_000

/** Why JSON of this size is not read; undefined when it is. `what` begins a sentence. */
export function sizeFault(
  what: string,
  { values, depth }: JsonSize,
  advice: string,
): AppError | undefined {
  const [most, deepest] = [maxValues, maxDepth].map((count) => count.toLocaleString('en'))
  if (depth > maxDepth)
    return new AppError('malformed', `${what} may be nested at most ${deepest} deep.`)
  if (values <= maxValues) return undefined
  return new AppError(
    'too_large',
    `${what} may hold at most ${most} values, those in lists included; this one holds ${values.toLocaleString('en')}. ${advice}`,
  )
}

/**
 * `__proto__` is the only key that the schemas ignore silently; objects of very many keys take long to validate. Without
 * recursion: nesting must not exhaust the stack.
 */
export function objectFault(what: string, value: unknown): AppError | undefined {
  const pending = [value]
  for (const one of pending) {
    if (typeof one !== 'object' || one === null) continue
    if (Object.hasOwn(one, '__proto__'))
      return new AppError('invalid', 'Invalid fields: __proto__.', [
        { field: '__proto__', detail: 'unknown field' },
      ])
    const inner = Object.values(one)
    if (!Array.isArray(one) && inner.length > maxKeys)
      return new AppError(
        'invalid',
        `An object may have at most ${maxKeys.toLocaleString('en')} keys; one of ${what} has ${inner.length.toLocaleString('en')}.`,
      )
    for (const next of inner) pending.push(next)
  }
  return undefined
}

const bytesPerTurn = 1_000_000
const [quote, backslash, comma] = [0x22, 0x5c, 0x2c]
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d]

/** Lets the event loop run in between. Exact for valid JSON; for any other bytes it is some number. */
export async function measureJson(bytes: Uint8Array): Promise<JsonSize> {
  const size = { values: 1, depth: 0 }
  const state = { depth: 0, inString: false, escaped: false }
  for (let from = 0; from < bytes.length; from += bytesPerTurn) {
    if (from > 0) await nextTurn()
    scan(bytes.subarray(from, from + bytesPerTurn), state, size)
  }
  return size
}

type State = { depth: number; inString: boolean; escaped: boolean }

function scan(bytes: Uint8Array, state: State, size: JsonSize): void {
  for (const byte of bytes) {
    if (state.inString) scanString(byte, state)
    else scanStructure(byte, state, size)
  }
}

function scanString(byte: number, state: State): void {
  if (state.escaped) state.escaped = false
  else if (byte === backslash) state.escaped = true
  else if (byte === quote) state.inString = false
}

function scanStructure(byte: number, state: State, size: JsonSize): void {
  if (byte === quote) state.inString = true
  else if (byte === comma) size.values++
  else if (byte === openBracket || byte === openBrace) {
    size.values++
    size.depth = Math.max(size.depth, ++state.depth)
  } else if (byte === closeBracket || byte === closeBrace) state.depth--
}
