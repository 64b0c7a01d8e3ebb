/** In charge of reading JSON line by line (NDJSON), and of what a mapping makes of each object. */
import { AppError } from '../lib/errors.ts'
import { readCell } from './cells.ts'
import { isFields, type Mapping, rejectColumns } from './column-mapping.ts'
import type { Columns } from './columns.ts'

export type JsonLine = { line: number; text: string }

const maxLineCharacters = 8_000_000

/** Blank lines are counted and passed over. */
export async function* readLines(
  name: string,
  bytes: AsyncIterable<Buffer>,
): AsyncGenerator<JsonLine> {
  const decoder = new TextDecoder()
  let rest = ''
  let line = 0
  for await (const chunk of bytes) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > maxLineCharacters)
      throw new AppError('invalid', `${name} holds a line longer than 8 MB.`)
    for (const text of lines) {
      line++
      if (text.trim() !== '') yield { line, text: text.trim() }
    }
  }
  if (rest.trim() !== '') yield { line: line + 1, text: rest.trim() }
}

/** The draft in a line, or why there is none; null when it is passed over. */
export function readJson(
  text: string,
  columns: Columns,
  { renamed, added, skipUnknown, skipBlank }: Mapping,
): { given: unknown } | { fault: string } | null {
  const read = parseLine(text)
  if (!isFields(read)) return { fault: 'the line is no JSON object' }
  if (skipBlank !== undefined && (read[skipBlank] ?? '') === '') return null
  const entries = Object.entries(read)
  const rejected = rejectColumns.every((name) => name in read)
  const kept = entries.flatMap(([theirs, value]): [string, unknown][] => {
    const ours = renamed.get(theirs) ?? theirs
    const known = columns.names.some((name) => name === ours || name.startsWith(`${ours}.`))
    if (known || columns.find(`${ours}.x`)) return [[ours, value]]
    const skipped = skipUnknown || (rejected && rejectColumns.some((name) => name === theirs))
    return skipped ? [] : [[ours, value]]
  })
  const filled = [...added].map(([ours, template]): [string, unknown] => {
    const value = template.replace(/\{([^{}]+)\}/g, (_, name: string) => String(read[name] ?? ''))
    return [ours, readCell(columns.find(ours)?.kind ?? 'text', value)]
  })
  return { given: Object.fromEntries([...kept, ...filled]) }
}

/** Undefined for what is no JSON. */
export function parseLine(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
