/** In charge of making one gzip member (RFC 1952) of deflated pieces without compressing anything again. */
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { type DeflateSegment, roomFor } from './deflate.ts'

const unpack = promisify(gunzip)

/** Deflate, no name, no time, unknown system. */
const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])
/** An empty block with fixed codes, marked as the last. */
const lastBlock = Buffer.from([3, 0])

/** The buffers of the member, in order; the pieces' own bodies among them, not copied. */
export function gzipMember(pieces: readonly DeflateSegment[]): Buffer[] {
  const { crc, bytes } = concatenate(pieces)
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(crc, 0)
  trailer.writeUInt32LE(bytes % 2 ** 32, 4)
  return [header, ...pieces.map((piece) => piece.body), lastBlock, trailer]
}

/**
 * Whether a piece can be laid among others: a member of it alone is one. That also finds a body that
 * still inflates to its text but ends too early or too late for what is to follow it.
 */
export async function isIntact(piece: DeflateSegment): Promise<boolean> {
  if (piece.bytes < 0) return false
  try {
    await unpack(Buffer.concat(gzipMember([piece])), { chunkSize: roomFor(piece.bytes) })
    return true
  } catch (error) {
    if (error instanceof Error && 'errno' in error) return false
    throw error
  }
}

/** The CRC-32 and the length of the texts of all pieces laid end to end. */
export function concatenate(pieces: readonly DeflateSegment[]): { crc: number; bytes: number } {
  return pieces.reduce(
    (sum, piece) => ({
      crc: combineCrc(sum.crc, piece.crc, piece.bytes),
      bytes: sum.bytes + piece.bytes,
    }),
    { crc: 0, bytes: 0 },
  )
}

/** A linear map on 32 bits: what it makes of each single bit. */
type Matrix = Uint32Array

function apply(matrix: Matrix, vector: number): number {
  let sum = 0
  for (let bit = 0, rest = vector; rest !== 0; bit++, rest >>>= 1) {
    if (rest & 1) sum ^= matrix[bit] ?? 0
  }
  return sum >>> 0
}

const square = (matrix: Matrix): Matrix => matrix.map((column) => apply(matrix, column))

/** What one zero bit does to a CRC: a shift, and the polynomial (reflected 0x04C11DB7) where a one falls out. */
const oneZeroBit: Matrix = Uint32Array.from({ length: 32 }, (_, bit) =>
  bit === 0 ? 0xedb88320 : 2 ** (bit - 1),
)

/** What 2^n zero bytes do to a CRC, for n up to 2^40 bytes. */
const zeroBytes: Matrix[] = [square(square(square(oneZeroBit)))]
for (let power = 1; power <= 40; power++) zeroBytes.push(square(zeroBytes[power - 1] ?? oneZeroBit))

/** The CRC-32 of a text and another after it, from the CRC of each and the length of the second. */
export function combineCrc(first: number, second: number, secondBytes: number): number {
  let crc = first
  for (let power = 0, rest = secondBytes; rest > 0; power++, rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) crc = apply(zeroBytes[power] ?? oneZeroBit, crc)
  }
  return (crc ^ second) >>> 0
}
