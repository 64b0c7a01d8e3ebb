/** The table that the bench prints: each row beside its peer, measured in the same run, and the ratio. */

export type Row = {
  what: string
  ours: string
  peer: string
  /** How many times as good as the peer we are, or as dear, as the target has it. */
  ratio: number | null
  /** Such as `>= 1.0` or `<= 3.0`; empty when nothing is promised. */
  target: string
}

const headings = ['', 'ours', 'peer', 'ratio', 'target', '']

export function printTable(title: string, rows: Row[]): void {
  const lines = [headings, ...rows.map(cells)]
  const widths = headings.map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  )
  const text = lines.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  process.stdout.write(`\n${title}\n${text.join('\n')}\n`)
}

function cells({ what, ours, peer, ratio, target }: Row): string[] {
  const figure = ratio === null ? '' : ratio.toFixed(2)
  return [what, ours, peer, figure, target, judgement(ratio, target)]
}

function judgement(ratio: number | null, target: string): string {
  const [sign, bound] = target.split(' ')
  if (ratio === null || bound === undefined) return ''
  return (sign === '>=' ? ratio >= Number(bound) : ratio <= Number(bound)) ? 'reached' : 'MISSED'
}

/** A row of two figures. */
export const rowOf = (what: string, ours: number, peer: number, target: string): Row => ({
  what,
  ours: ours.toFixed(1),
  peer: peer.toFixed(1),
  ratio: ours / peer,
  target,
})

export function median(numbers: number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
