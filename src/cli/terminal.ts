export function print(line = ''): void {
  process.stdout.write(`${line}\n`)
}

export function printError(line: string): void {
  process.stderr.write(`${line}\n`)
}

const signals = ['SIGINT', 'SIGTERM'] as const

/** Resolves with the first SIGINT or SIGTERM; a second one ends the process at once. */
export function waitForShutdownSignal(): Promise<'SIGINT' | 'SIGTERM'> {
  return new Promise((resolve) => {
    for (const signal of signals) {
      process.once(signal, () => {
        for (const next of signals) process.once(next, () => process.exit(1))
        resolve(signal)
      })
    }
  })
}
