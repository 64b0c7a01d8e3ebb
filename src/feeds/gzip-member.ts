/** Makes one gzip member (RFC 1952) of deflate segments without compressing again. */
import { promisify } from 'node:util'
import { gunzip, gunzipSync } from 'node:zlib'
import { ownTurn } from '../lib/turn.ts'
import { type DeflateSegment, outputSize, shortBytes } from './deflate.ts'

const gunzipAsync = promisify(gunzip)

/** Deflate, no file name, no time, unknown operating system. */
const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])
/** An empty final block with fixed codes. */
const lastBlock = Buffer.from([3, 0])

/** The buffers of the member, in order. The segments' bodies are not copied. `sum` is theirs, if it is known. */
export function gzipMember(
  segments: readonly DeflateSegment[],
  sum: Pick<DeflateSegment, 'crc' | 'bytes'> = concatenate(segments),
): Buffer[] {
  const { crc, bytes } = sum
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(crc, 0)
  trailer.writeUInt32LE(bytes % 2 ** 32, 4)
  return [header, ...segments.map(({ body }) => body), lastBlock, trailer]
}

/**
 * The text of a segment, unpacked as a gzip member of its own; undefined when it cannot be concatenated with others. This
 * also finds a body that inflates to its text but ends too early or too late for the next segment.
 */
export async function unpack(segment: DeflateSegment): Promise<Buffer | undefined> {
  if (segment.bytes < 0) return undefined
  try {
    const member = Buffer.concat(gzipMember([segment]))
    const settings = { chunkSize: outputSize(segment.bytes) }
    if (segment.bytes > shortBytes) return await gunzipAsync(member, settings)
    await ownTurn()
    return gunzipSync(member, settings)
  } catch (error) {
    if (error instanceof Error && 'errno' in error) return undefined
    throw error
  }
}

export const isIntact = async (segment: DeflateSegment): Promise<boolean> =>
  (await unpack(segment)) !== undefined

/** The CRC-32 and length of the concatenated texts. */
export function concatenate(segments: readonly Pick<DeflateSegment, 'crc' | 'bytes'>[]): {
  crc: number
  bytes: number
} {
  return segments.reduce(
    (sum, segment) => ({
      crc: combineCrc(sum.crc, segment.crc, segment.bytes),
      bytes: sum.bytes + segment.bytes,
    }),
    { crc: 0, bytes: 0 },
  )
}

/** A linear map on 32 bits, as the image of each bit. */
type Matrix = Uint32Array

function apply(matrix: Matrix, vector: number): number {
  let sum = 0
  for (let bit = 0, rest = vector; rest !== 0; bit++, rest >>>= 1) {
    if (rest & 1) sum ^= matrix[bit] ?? 0
  }
  return sum >>> 0
}

const square = (matrix: Matrix): Matrix => matrix.map((column) => apply(matrix, column))

/** The effect of one zero bit on a CRC: a shift, and the polynomial (reflected 0x04C11DB7) when a one is shifted out. */
const oneZeroBit: Matrix = Uint32Array.from({ length: 32 }, (_, bit) =>
  bit === 0 ? 0xedb88320 : 2 ** (bit - 1),
)

/** The effect of 2^n zero bytes, for n up to 40. */
const zeroBytes: Matrix[] = [square(square(square(oneZeroBit)))]
for (let power = 1; power <= 40; power++) zeroBytes.push(square(zeroBytes[power - 1] ?? oneZeroBit))

/** The CRC-32 of two concatenated texts, from the CRC of each and the length of the second. */
export function combineCrc(first: number, second: number, secondBytes: number): number {
  let crc = first
  for (let power = 0, rest = secondBytes; rest > 0; power++, rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) crc = apply(zeroBytes[power] ?? oneZeroBit, crc)
  }
  return (crc ^ second) >>> 0
}
