const waiting: (() => void)[] = []

/**
 * Resolves in a turn of the event loop that no other caller gets, so that what follows holds up requests alone and not
 * together with the work of others.
 */
export function ownTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (waiting.push(resolve) === 1) setImmediate(next)
  })
}

function next(): void {
  waiting.shift()?.()
  if (waiting.length > 0) setImmediate(next)
}
