import { promisify } from 'node:util'
import { crc32, gunzip } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type DeflateSegment,
  deflateText,
  inflateSegment,
  shortSegment,
} from '../../src/feeds/deflate.ts'
import { combineCrc, concatenate, gzipMember, isIntact } from '../../src/feeds/gzip-member.ts'

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array))
const unpack = promisify(gunzip)

async function deflatePiece(text: Buffer): Promise<DeflateSegment> {
  return { body: await deflateText(text), crc: crc32(text), bytes: text.length }
}

test('the CRC of two texts combined is the CRC of the one after the other', () => {
  fc.assert(
    fc.property(bytes, bytes, fc.nat(70_000), (first, second, zeros) => {
      const padded = Buffer.concat([second, Buffer.alloc(zeros)])
      expect(combineCrc(crc32(first), crc32(padded), padded.length)).toBe(
        crc32(Buffer.concat([first, padded])),
      )
    }),
  )
})

test('the CRC of a text of gigabytes can be combined', () => {
  const mebibyte = Buffer.alloc(2 ** 20, 'x')
  let crc = crc32(mebibyte)
  // Doubled twelve times over, by halves that are alike.
  for (let size = 2 ** 20; size < 2 ** 32; size *= 2) crc = combineCrc(crc, crc, size)
  let expected = 0
  for (let piece = 0; piece < 4096; piece++)
    expected = combineCrc(expected, crc32(mebibyte), 2 ** 20)
  expect(crc).toBe(expected)
})

test('the length of a text past 4 GiB is written modulo 2^32, as RFC 1952 has it', () => {
  const lengthTold = (...lengths: number[]) => {
    const pieces = lengths.map((bytes) => ({ body: Buffer.alloc(0), crc: 0, bytes }))
    return gzipMember(pieces).at(-1)?.readUInt32LE(4)
  }
  expect(lengthTold(2 ** 32 - 1)).toBe(2 ** 32 - 1)
  expect(lengthTold(2 ** 32)).toBe(0)
  expect(lengthTold(2 ** 31 + 1, 2 ** 31 + 1, 2 ** 31 + 1)).toBe(2 ** 31 + 3)
})

test('any pieces, empty ones among them, unpack to their texts end to end', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(bytes, { maxLength: 5 }), async (texts) => {
      const pieces = await Promise.all(texts.map(deflatePiece))
      const whole = Buffer.concat(texts)
      expect(await unpack(Buffer.concat(gzipMember(pieces)))).toEqual(whole)
      expect(concatenate(pieces)).toEqual({ crc: crc32(whole), bytes: whole.length })
      expect(Buffer.concat(await Promise.all(pieces.map(inflateSegment)))).toEqual(whole)
    }),
  )
})

test('a piece is whole as it was made, and when nothing is in it', async () => {
  expect(await isIntact(shortSegment('one text, and the same text again'))).toBe(true)
  expect(await isIntact(await deflatePiece(Buffer.alloc(0)))).toBe(true)
})

test.each([
  ['another CRC', (piece: ReturnType<typeof shortSegment>) => ({ ...piece, crc: piece.crc ^ 1 })],
  ['another length', (piece) => ({ ...piece, bytes: piece.bytes + 1 })],
  ['a length that is none', (piece) => ({ ...piece, bytes: -1 })],
  ['no body', (piece) => ({ ...piece, body: Buffer.alloc(0) })],
  ['a body cut short', (piece) => ({ ...piece, body: piece.body.subarray(0, -9) })],
  ['a body without its flush', (piece) => ({ ...piece, body: piece.body.subarray(0, -4) })],
  ['a body that goes on', (piece) => ({ ...piece, body: Buffer.concat([piece.body, piece.body]) })],
])('a piece with %s is broken', async (_, damage) => {
  expect(await isIntact(damage(shortSegment('one text, and the same text again')))).toBe(false)
})

test('a flipped bit is either found or changes nothing that a reader sees', async () => {
  const text = Buffer.from('a text, the same text again, and a text')
  const piece = await deflatePiece(text)
  for (let bit = 0; bit < piece.body.length * 8; bit++) {
    const body = Buffer.from(piece.body)
    body[bit >> 3] = (body[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    const flipped = { ...piece, body }
    if (await isIntact(flipped)) {
      const member = await unpack(Buffer.concat(gzipMember([piece, flipped, piece])))
      expect(member.toString()).toBe(`${text}${text}${text}`)
    }
  }
})
