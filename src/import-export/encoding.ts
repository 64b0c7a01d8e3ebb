/** Finds in which encoding a file is written, and decodes it. */
import { AppError } from '../lib/errors.ts'

export type Bytes = () => AsyncIterable<Buffer>

/** `note` tells what was found when it is not UTF-8. */
export type Encoding = { label: string; note?: string }

export async function findEncoding(name: string, read: Bytes): Promise<Encoding> {
  const marked = await findUtf16(read)
  if (marked) return { label: marked, note: `${name} is read as ${marked.toUpperCase()}` }
  const bytes = await surveyBytes(read)
  if (bytes.isUtf8 && !bytes.hasNul) return { label: 'utf-8' }
  if (bytes.hasNul || bytes.hasUnused || bytes.hasUtf8Characters) throw notUtf8(name, bytes)
  return {
    label: 'windows-1252',
    note: `${name} is not UTF-8 (line ${bytes.invalidLine}), so it is read as Windows-1252; if that is wrong, name its encoding with --encoding`,
  }
}

function notUtf8(name: string, { hasUtf8Characters, invalidLine }: Survey): AppError {
  const damaged = hasUtf8Characters && invalidLine > 0 ? `: line ${invalidLine} is damaged` : ''
  return new AppError(
    'invalid',
    `${name} is not UTF-8 text${damaged}. Save it as UTF-8, or name its encoding with --encoding.`,
  )
}

/** By its byte order mark, else by the zeros that every second byte of Latin text is. */
async function findUtf16(read: Bytes): Promise<string | undefined> {
  const head = await firstBytes(read, 1_000)
  const zerosAt = (parity: number) =>
    head.filter((byte, index) => byte === 0 && index % 2 === parity).length
  const [even, odd, many] = [zerosAt(0), zerosAt(1), head.length / 4]
  const rules: [string, boolean][] = [
    ['utf-16le', head[0] === 0xff && head[1] === 0xfe],
    ['utf-16be', head[0] === 0xfe && head[1] === 0xff],
    ['utf-16le', odd > many && even === 0],
    ['utf-16be', even > many && odd === 0],
  ]
  return rules.find(([, applies]) => applies)?.[0]
}

async function firstBytes(read: Bytes, count: number): Promise<Buffer> {
  for await (const chunk of read()) return chunk.subarray(0, count)
  return Buffer.alloc(0)
}

type Survey = {
  isUtf8: boolean
  hasNul: boolean
  /** Bytes that Windows-1252 leaves unused. */
  hasUnused: boolean
  /** Beside invalid bytes, characters that only UTF-8 explains. */
  hasUtf8Characters: boolean
  invalidLine: number
}

async function surveyBytes(read: Bytes): Promise<Survey> {
  const decoder = new TextDecoder()
  let [line, invalidLine] = [1, 0]
  let [hasNul, hasUnused, hasUtf8Characters] = [false, false, false]
  function look(text: string, bytes: Buffer): void {
    hasNul ||= bytes.includes(0)
    // A text that holds U+FFFD itself is rare, and read well as UTF-8 unless other bytes are invalid.
    if (invalidLine === 0 && text.includes('\ufffd') && !isReplacement(bytes))
      invalidLine = line + countLines(text.slice(0, text.indexOf('\ufffd')))
    hasUnused ||= [0x81, 0x8d, 0x8f, 0x90, 0x9d].some((byte) => bytes.includes(byte))
    hasUtf8Characters ||= /[^\0-\x7f\ufffd]/.test(text)
    line += countLines(text)
  }
  for await (const chunk of read()) look(decoder.decode(chunk, { stream: true }), chunk)
  look(decoder.decode(), Buffer.alloc(0))
  const isUtf8 = invalidLine === 0
  return { isUtf8, hasNul, hasUnused, hasUtf8Characters, invalidLine }
}

const isReplacement = (bytes: Buffer) => bytes.includes('\ufffd')
const countLines = (text: string) => text.split('\n').length - 1

/** Without the byte order mark. */
export async function* decode(
  name: string,
  bytes: AsyncIterable<Buffer>,
  label: string,
): AsyncGenerator<string> {
  const decoder = new TextDecoder(label, { fatal: true })
  try {
    for await (const chunk of bytes) {
      const text = decoder.decode(chunk, { stream: true })
      if (text.includes('\0')) throw undecodable(name, label)
      yield text
    }
    yield decoder.decode()
  } catch (error) {
    throw error instanceof TypeError ? undecodable(name, label) : error
  }
}

const undecodable = (name: string, label: string) =>
  new AppError(
    'invalid',
    `${name} is not ${label.toUpperCase()} text: name its encoding with --encoding.`,
  )
