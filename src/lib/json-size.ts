/** How large JSON is, told from its bytes: parsing and validating cost far more than this scan, and memory too. */
import { setImmediate as nextTurn } from 'node:timers/promises'

export type JsonSize = { values: number; depth: number }

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
