import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { type GroupedChunks, groupChunks, groupCount } from '../../src/feeds/chunk-groups.ts'
import { shortSegment } from '../../src/feeds/deflate.ts'
import { createFeedResponse } from '../../src/feeds/feed-response.ts'
import { gzipMember } from '../../src/feeds/gzip-member.ts'
import type { Part } from '../../src/feeds/slots.ts'
import type { LoadedChunk } from '../../src/feeds/stored-chunk.ts'

const slots = 4 * groupCount
/** The third slot of each four is empty, and so is the whole second group. */
const isEmpty = (slot: number) => slot % 4 === 2 || Math.floor(slot / 4) === 1
const textOf = (slot: number, version = 1) =>
  isEmpty(slot) ? '' : `{"slot":${slot},"v":${version}}`

function chunkOf(text: string): LoadedChunk {
  return { ...shortSegment(text), items: text === '' ? 0 : 1 }
}

const chunks = () => Array.from({ length: slots }, (_, slot) => chunkOf(textOf(slot)))
const separator = ',\n'
const whole: Part = { number: 1, of: 1 }

function responseOf(grouped: GroupedChunks, part: Part) {
  const frame = { contentType: 'application/json', head: '[', separator, tail: ']\n' }
  const rest = { feed: 'products', format: 'json', version: 1, build: 'b' } as const
  return createFeedResponse({ ...rest, modifiedAt: new Date(0), frame, ...grouped }, part)
}

const served = (grouped: GroupedChunks, part = whole) =>
  gunzipSync(Buffer.concat(responseOf(grouped, part).gzip.buffers)).toString()

function expected(texts: string[]): string {
  return `[${texts.filter((text) => text !== '').join(separator)}]\n`
}

test.each([
  [1, 1],
  [1, 64],
  [2, 64],
  [2, 4],
  [64, 64],
])('part %i of %i is the texts of its slots, compressed or not', async (number, of) => {
  const width = slots / of
  const own = Array.from({ length: width }, (_, index) => textOf((number - 1) * width + index))
  const response = responseOf(await groupChunks(chunks(), separator, undefined), { number, of })
  expect(gunzipSync(Buffer.concat(response.gzip.buffers)).toString()).toBe(expected(own))
  expect(response.items).toBe(own.filter((text) => text !== '').length)
  let text = ''
  for await (const piece of response.text()) text += piece
  expect(text).toBe(expected(own))
  expect(response.bytes).toBe(text.length)
})

test('a chunk that changes replaces its group, and no other', async () => {
  const before = await groupChunks(chunks(), separator, undefined)
  const changed = before.chunks.map((chunk, slot) => (slot === 9 ? chunkOf(textOf(9, 2)) : chunk))
  const after = await groupChunks(changed, separator, before)
  expect(after.groups.flatMap((group, at) => (group === before.groups[at] ? [] : [at]))).toEqual([
    2,
  ])
  const texts = Array.from({ length: slots }, (_, slot) => textOf(slot, slot === 9 ? 2 : 1))
  expect(served(after)).toBe(expected(texts))
  // What was served before is untouched.
  expect(served(before)).toBe(expected(texts.map((_, slot) => textOf(slot))))
})

test('another separator, or other slots, make all groups anew', async () => {
  const before = await groupChunks(chunks(), separator, undefined)
  const other = await groupChunks(before.chunks, '\n', before)
  expect(other.groups.some((group) => before.groups.includes(group))).toBe(false)
  const half = await groupChunks(before.chunks.slice(0, slots / 2), separator, before)
  expect(served(half)).toBe(expected(Array.from({ length: slots / 2 }, (_, slot) => textOf(slot))))
})

test('chunks and the pieces of their lists become views of their group', async () => {
  const text = '{"ids":"1,2,3"}'
  const chunk = chunkOf(text)
  const piece = { body: chunk.body.subarray(3, 9), crc: 1, bytes: 5 }
  const long = { ...chunk, pieces: new Map([['s1,', piece]]) }
  const all = chunks().map((other, slot) => (slot === 5 * 4 + 1 ? long : other))
  const { chunks: views, groups } = await groupChunks(all, separator, undefined)
  const view = views[5 * 4 + 1]
  expect(view?.body.equals(chunk.body)).toBe(true)
  expect(view?.pieces?.get('s1,')?.body.equals(piece.body)).toBe(true)
  for (const one of [view, view?.pieces?.get('s1,')])
    expect(one?.body.buffer).toBe(groups[5]?.body.buffer)
  expect(gunzipSync(Buffer.concat(gzipMember(view ? [view] : []))).toString()).toBe(text)
})
