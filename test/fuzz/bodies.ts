/** Request bodies as bytes: valid, mutated in a few places, and damaged. */
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { edgeCaseTree } from './edge-cases.ts'
import { type Tree, writeTree } from './json-tree.ts'
import { mutated } from './mutations.ts'

const asBytes = (tree: Tree) => Buffer.from(writeTree(tree))

/** Exceeds the limit of 10 MB; mostly white space, which is cheap to send and parse. */
const huge = (text: string) => Buffer.from(text.padEnd(10_000_001, ' '))

type Damage = (text: string) => Buffer

const damages: Damage[] = [
  (text) => Buffer.from(`\ufeff${text}`),
  (text) => Buffer.from(`\ufeff\ufeff${text}`),
  (text) => Buffer.from(text, 'utf16le'),
  (text) => Buffer.from(`${text}é`, 'latin1'),
  (text) => gzipSync(text),
  (text) => Buffer.concat([Buffer.from(text.slice(0, -1)), Buffer.from([0xed, 0xa0, 0x80, 0x7d])]),
  (text) => Buffer.from(text.replace('"', '"\xff'), 'latin1'),
  (text) => Buffer.from(text.replaceAll('"', "'")),
  (text) => Buffer.from(`${text}${text}`),
  (text) => Buffer.from(`${text},`),
  (text) => Buffer.from(`/* */ ${text}`),
  (text) => Buffer.from(`  \r\n\t${text}\n `),
  (text) => Buffer.from(`\v${text}`),
  (text) => Buffer.from(text.replace('{', '{"__proto__":{"admin":true},')),
  (text) => Buffer.from(text.replace('{', '{"\\u005f_proto__":{"admin":true},')),
  (text) => Buffer.from(text.replace(/"(\w)/, '"\\u0000$1')),
  (text) => Buffer.from(text.replace(/"(\w)/, '"\0$1')),
  () => Buffer.alloc(0),
  () => Buffer.from('\0'),
  () => Buffer.from('['.repeat(100_000)),
  () => Buffer.from('{"a":'.repeat(50_000)),
  () => Buffer.from('title=x&id=1'),
]

const damaged = (valid: fc.Arbitrary<Tree>): fc.Arbitrary<Buffer> => {
  const text = valid.map(writeTree)
  return fc.oneof(
    {
      weight: 12,
      arbitrary: fc
        .tuple(text, fc.constantFrom(...damages))
        .map(([given, damage]) => damage(given)),
    },
    {
      weight: 6,
      arbitrary: fc
        .tuple(text, fc.nat())
        .map(([given, place]) => Buffer.from(given.slice(0, place % (given.length + 1)))),
    },
    { weight: 2, arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)) },
    {
      weight: 1,
      arbitrary: fc.oneof(
        { weight: 9, arbitrary: text.map((given) => Buffer.from(given)) },
        { weight: 1, arbitrary: text.map(huge) },
      ),
    },
  )
}

export const validBody = (valid: fc.Arbitrary<Tree>) => valid.map(asBytes)

export const edgeCaseBody = (valid: fc.Arbitrary<Tree>): fc.Arbitrary<Buffer> =>
  fc.oneof(
    { weight: 10, arbitrary: mutated(valid).map(asBytes) },
    { weight: 3, arbitrary: damaged(valid) },
    { weight: 1, arbitrary: edgeCaseTree.map(asBytes) },
  )
