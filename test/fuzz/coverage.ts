/** Counts requests by operation and status, and formats them as a table. */
import { patternOf } from '../support/contract.ts'
import type { Operation } from './operations.ts'
import type { FuzzRequest } from './requests.ts'

/** By `GET /path`; null counts requests whose connection was closed without an answer. */
export type Coverage = {
  rows: Map<string, Map<number | null, number>>
  /** The names of operations that have succeeded at least once. */
  succeeded: Set<string>
}

export const nameOf = ({ method, path }: { method: string; path: string }) => `${method} ${path}`
const otherMethods = 'other methods'

export const createCoverage = (operations: Operation[]): Coverage => ({
  rows: new Map([...operations.map(nameOf), otherMethods].map((name) => [name, new Map()])),
  succeeded: new Set(),
})

/** The operations that never succeeded. */
export const findUncovered = ({ succeeded }: Coverage, operations: Operation[]) =>
  operations.map(nameOf).filter((name) => !succeeded.has(name))

export function countResponse(
  { rows, succeeded }: Coverage,
  sent: FuzzRequest,
  status: number | null,
): void {
  const { operation, method, target } = sent
  const counts = rows.get(method === operation.method ? nameOf(operation) : otherMethods)
  counts?.set(status, (counts.get(status) ?? 0) + 1)
  const matchesOperation =
    method === operation.method && patternOf(operation.path).test(target.replace(/\?.*/s, ''))
  if (matchesOperation && status !== null && status >= 200 && status < 300)
    succeeded.add(nameOf(operation))
}

export const countRequests = ({ rows }: Coverage) =>
  [...rows.values()].reduce((sum, counts) => sum + sumOf(counts), 0)

const sumOf = (counts: Map<number | null, number>) =>
  [...counts.values()].reduce((sum, one) => sum + one, 0)

export function formatTable({ rows }: Coverage): string {
  const width = Math.max(...[...rows.keys()].map((name) => name.length))
  const lines = [...rows].map(([name, counts]) => {
    const statuses = [...counts]
      .sort(([one], [other]) => (one ?? 0) - (other ?? 0))
      .map(([status, times]) => `${status ?? 'closed'}×${times}`)
    return `${name.padEnd(width)} ${String(sumOf(counts)).padStart(5)}  ${statuses.join(' ')}\n`
  })
  return lines.join('')
}
