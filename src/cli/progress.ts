/** Progress of long work: one line that is redrawn on a terminal, a plain line every ten seconds elsewhere. */

export type Progress = {
  /** `total` is null until it is known. */
  update: (done: number, total: number | null) => void
  /** Prints a line that stays. */
  say: (line: string) => void
  end: () => void
}

const plainIntervalMs = 10_000
const terminalIntervalMs = 100

/** Written to standard error, so that the output of a command can be piped. */
export function startProgress(label: string): Progress {
  const { stderr } = process
  const intervalMs = stderr.isTTY ? terminalIntervalMs : plainIntervalMs
  const startedAt = Date.now()
  let shownAt = stderr.isTTY ? 0 : startedAt
  return {
    update(done, total) {
      if (Date.now() - shownAt < intervalMs) return
      shownAt = Date.now()
      const line = formatLine(label, done, total, (shownAt - startedAt) / 1_000)
      stderr.write(stderr.isTTY ? `\r\u001b[K${formatBar(done, total)}${line}` : `${line}\n`)
    },
    say(line) {
      stderr.write(stderr.isTTY ? `\r\u001b[K${line}\n` : `${line}\n`)
    },
    end() {
      if (stderr.isTTY) stderr.write('\r\u001b[K')
    },
  }
}

const barWidth = 20

function formatBar(done: number, total: number | null): string {
  if (total === null || total === 0) return ''
  const filled = Math.round(barWidth * Math.min(1, done / total))
  return `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)} `
}

function formatLine(label: string, done: number, total: number | null, seconds: number): string {
  const rate = done / Math.max(seconds, 0.001)
  const speed = `${Math.round(rate).toLocaleString('en')}/s`
  if (total === null) return `${label}: ${done.toLocaleString('en')}, ${speed}`
  const left = rate > 0 ? Math.ceil((total - done) / rate) : 0
  return `${label}: ${done.toLocaleString('en')} of ${total.toLocaleString('en')}, ${speed}, ${formatSeconds(left)} left`
}

function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
