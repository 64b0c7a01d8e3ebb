import { promisify } from 'node:util'
import { constants, crc32, deflateRaw, deflateRawSync, inflateRaw, inflateRawSync } from 'node:zlib'
import { ownTurn } from '../lib/turn.ts'

const deflate = promisify(deflateRaw)
const inflate = promisify(inflateRaw)

/** Text deflated on its own and ended with a sync flush, so that segments can be concatenated; CRC-32 and length are those of the text. */
export type DeflateSegment = { body: Buffer; crc: number; bytes: number }

/** Level 3 takes about half the time of the default 6 for a tenth more bytes; large output buffers save calls. */
const options = { level: 3, chunkSize: 65_536, finishFlush: constants.Z_SYNC_FLUSH }

const empty = Buffer.alloc(0)

/**
 * Up to this length of text, a trip to zlib's thread pool takes three times the CPU of the work itself. What is done here
 * instead takes half a millisecond at most, and its turn with everything else.
 */
export const shortBytes = 32_768

/** Less memory to allocate and clear for each short text. */
const shortOptions = { ...options, windowBits: 14, memLevel: 7 }

/** The body of a segment. Runs in zlib's thread pool unless the text is short. */
export async function deflateText(text: Buffer): Promise<Buffer> {
  if (text.length === 0) return empty
  // A piece of a list keeps its buffer until it is stored.
  const chunkSize = Math.min(options.chunkSize, Math.max(constants.Z_MIN_CHUNK, text.length))
  if (text.length > shortBytes) return deflate(text, { ...options, chunkSize })
  await ownTurn()
  return deflateRawSync(text, { ...shortOptions, chunkSize })
}

export type DeflatePiece = (key: string, text: Buffer) => Promise<Buffer>

/** Deflates the text of a key once for both formats if it is the same in both, as lists of plain ids are. */
export function deflateOnce(): DeflatePiece {
  const known = new Map<string, { text: Buffer; body: Promise<Buffer> }>()
  return (key, text) => {
    const other = known.get(key)
    if (other?.text.equals(text)) return other.body
    const body = deflateText(text)
    known.set(key, { text, body })
    return body
  }
}

/** A buffer size for the whole output and a little more: each further buffer would be another trip to the thread pool. */
export const outputSize = (bytes: number) => bytes + constants.Z_MIN_CHUNK

/** For short fixed texts; deflates synchronously. */
export function shortSegment(text: string): DeflateSegment {
  const content = Buffer.from(text)
  return { body: deflateRawSync(content, options), crc: crc32(content), bytes: content.length }
}

export async function inflateSegment({ body, bytes }: DeflateSegment): Promise<Buffer> {
  if (bytes === 0) return empty
  const settings = { chunkSize: outputSize(bytes), finishFlush: constants.Z_SYNC_FLUSH }
  if (bytes > shortBytes) return inflate(body, settings)
  await ownTurn()
  return inflateRawSync(body, settings)
}
