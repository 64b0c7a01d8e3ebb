/** In charge of showing how far long work is: one line that moves on a terminal, a plain line now and then elsewhere. */

export type Progress = {
  /** `total` may be learnt later: it counts only once it is known. */
  update: (done: number, total: number | null) => void
  /** A line that stays. */
  say: (line: string) => void
  end: () => void
}

const plainEveryMs = 10_000
const movingEveryMs = 100

/** Written to standard error, so that what a command answers can be piped. */
export function startProgress(what: string): Progress {
  const { stderr } = process
  const everyMs = stderr.isTTY ? movingEveryMs : plainEveryMs
  const beganAt = Date.now()
  let shownAt = stderr.isTTY ? 0 : beganAt
  return {
    update(done, total) {
      if (Date.now() - shownAt < everyMs) return
      shownAt = Date.now()
      const line = lineOf(what, done, total, (shownAt - beganAt) / 1_000)
      stderr.write(stderr.isTTY ? `\r\u001b[K${barOf(done, total)}${line}` : `${line}\n`)
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

function barOf(done: number, total: number | null): string {
  if (total === null || total === 0) return ''
  const full = Math.round(barWidth * Math.min(1, done / total))
  return `${'█'.repeat(full)}${'░'.repeat(barWidth - full)} `
}

function lineOf(what: string, done: number, total: number | null, seconds: number): string {
  const rate = done / Math.max(seconds, 0.001)
  const speed = `${Math.round(rate).toLocaleString('en')}/s`
  if (total === null) return `${what}: ${done.toLocaleString('en')}, ${speed}`
  const left = rate > 0 ? Math.ceil((total - done) / rate) : 0
  return `${what}: ${done.toLocaleString('en')} of ${total.toLocaleString('en')}, ${speed}, ${timeOf(left)} left`
}

function timeOf(seconds: number): string {
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
