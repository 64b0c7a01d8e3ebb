/** In charge of counting what was asked and how it was answered, and of showing it as a table. */
import { patternOf } from '../support/contract.ts'
import type { Operation } from './operations.ts'
import type { Sent } from './requests.ts'

/** By `GET /path`; null counts requests whose connection was closed without an answer. */
export type Tally = {
  rows: Map<string, Map<number | null, number>>
  /** The names of operations that did what they were asked for. */
  reached: Set<string>
}

const nameOf = ({ method, path }: { method: string; path: string }) => `${method} ${path}`
const elsewhere = 'other methods'

export const newTally = (operations: Operation[]): Tally => ({
  rows: new Map([...operations.map(nameOf), elsewhere].map((name) => [name, new Map()])),
  reached: new Set(),
})

/** The operations that never did what they were asked for. */
export const missed = ({ reached }: Tally, operations: Operation[]) =>
  operations.map(nameOf).filter((name) => !reached.has(name))

export function count({ rows, reached }: Tally, sent: Sent, status: number | null): void {
  const { operation, method, target } = sent
  const counts = rows.get(method === operation.method ? nameOf(operation) : elsewhere)
  counts?.set(status, (counts.get(status) ?? 0) + 1)
  const isAsked =
    method === operation.method && patternOf(operation.path).test(target.replace(/\?.*/s, ''))
  if (isAsked && status !== null && status >= 200 && status < 300) reached.add(nameOf(operation))
}

export const countAll = ({ rows }: Tally) =>
  [...rows.values()].reduce((sum, counts) => sum + sumOf(counts), 0)

const sumOf = (counts: Map<number | null, number>) =>
  [...counts.values()].reduce((sum, one) => sum + one, 0)

export function table({ rows }: Tally): string {
  const width = Math.max(...[...rows.keys()].map((name) => name.length))
  const lines = [...rows].map(([name, counts]) => {
    const statuses = [...counts]
      .sort(([one], [other]) => (one ?? 0) - (other ?? 0))
      .map(([status, times]) => `${status ?? 'closed'}×${times}`)
    return `${name.padEnd(width)} ${String(sumOf(counts)).padStart(5)}  ${statuses.join(' ')}\n`
  })
  return lines.join('')
}
