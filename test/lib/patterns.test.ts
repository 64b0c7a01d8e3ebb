/** Patterns over texts from outside take linear time, or one request blocks the server for all others. */
import { readdirSync, readFileSync } from 'node:fs'
import { parseSync, Visitor } from 'oxc-parser'
import { expect, test } from 'vitest'
import { readNumber } from '../../src/import-export/cell-formats.ts'

type Pattern = { file: string; pattern: RegExp }

function patternsIn(file: string): Pattern[] {
  const found: Pattern[] = []
  const visitor = new Visitor({
    Literal(node) {
      if ('regex' in node && node.regex)
        found.push({ file, pattern: new RegExp(node.regex.pattern, node.regex.flags) })
    },
  })
  visitor.visit(parseSync(file, readFileSync(file, 'utf8')).program)
  return found
}

const patterns = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.tsx?$/.test(path))
  .flatMap((path) => patternsIn(`src/${path}`))

const length = 10_000
/** Linear patterns take less than a millisecond; quadratic ones from 50 on, also on a fast machine. */
const maxCpuMs = 20

const usual = [...'a0Z .,;:-_"\'“’()[]{}<>/\\@%=&+#?\t\n\ufffd']
/** Ends what was repeated, so that a match has to be looked for elsewhere. */
const ends = [' ', 'x', '\u0001']

/** Characters and words that the pattern names, and usual ones. */
function unitsOf({ source }: RegExp): string[] {
  const literal = source.replaceAll(/\\[a-zA-Z]/g, '').replaceAll(/[\\[\]^$*+?|]/g, '')
  const words = source.match(/[A-Za-z:/_=. {(]{2,}/g) ?? []
  return [...new Set([...words, ...literal, ...usual])]
}

function* textsFor(pattern: RegExp): Generator<string> {
  const units = unitsOf(pattern)
  for (const unit of units) for (const end of ends) yield unit.repeat(length / unit.length) + end
  const own = units.slice(0, 8)
  for (const first of own)
    for (const second of units) yield (first + second).repeat(length / (first + second).length)
}

function cpuMs(work: () => unknown): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

/** Each time: what else the process does, such as collecting garbage, counts too. */
const isSlow = (work: () => unknown) => [1, 2, 3, 4].every(() => cpuMs(work) > maxCpuMs)

function slowFor(pattern: RegExp): string | undefined {
  for (const text of textsFor(pattern)) if (isSlow(() => text.replace(pattern, ''))) return text
  return undefined
}

test('a quadratic pattern is found', () => {
  expect(slowFor(/\/+$/)).toBe(`${'/'.repeat(length)} `)
  expect(slowFor(/\s*\n\s*/g)).toBeDefined()
})

test('no pattern of the source takes quadratic time', () => {
  const slow = patterns.flatMap(({ file, pattern }) => {
    const text = slowFor(pattern)
    return text === undefined
      ? []
      : [`${file}: ${pattern} over ${JSON.stringify(text.slice(0, 20))}`]
  })
  expect(patterns.length).toBeGreaterThan(100)
  expect(slow).toEqual([])
})

test('a cell of any length is read as a number in linear time', () => {
  for (const decimal of ['.', ','] as const)
    for (const unit of ['0', '1.', '1,', "1'", '1 000', '-', 'e'])
      expect(
        isSlow(() => readNumber(`${unit.repeat(length)}x`, { decimal, currency: 'USD' })),
      ).toBe(false)
})
