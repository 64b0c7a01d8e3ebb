import { promisify } from 'node:util'
import { constants, crc32, deflateRaw, deflateRawSync, inflateRaw } from 'node:zlib'

const deflate = promisify(deflateRaw)
const inflate = promisify(inflateRaw)

/** Text deflated on its own and ended with a sync flush, so that segments can be concatenated; CRC-32 and length are those of the text. */
export type DeflateSegment = { body: Buffer; crc: number; bytes: number }

/** Level 3 takes about half the time of the default 6 for a tenth more bytes; large output buffers save calls. */
const options = { level: 3, chunkSize: 65_536, finishFlush: constants.Z_SYNC_FLUSH }

const empty = Buffer.alloc(0)

/** The body of a segment. Runs in zlib's thread pool. */
export async function deflateText(text: Buffer): Promise<Buffer> {
  if (text.length === 0) return empty
  // A piece of a list keeps its buffer until it is stored.
  const chunkSize = Math.min(options.chunkSize, Math.max(constants.Z_MIN_CHUNK, text.length))
  return deflate(text, { ...options, chunkSize })
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
  return inflate(body, { chunkSize: outputSize(bytes), finishFlush: constants.Z_SYNC_FLUSH })
}
