/** In charge of doing at once, and only once, what many ask for at the same time. */

/**
 * Callers share one run of `work`, but never one that was under way when they came: that one may
 * have looked before their time. So at most one runs, and one more waits for all who came meanwhile.
 */
export function sharedWork<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<unknown> = Promise.resolve()
  let next: Promise<T> | undefined

  function start(): Promise<T> {
    next = undefined
    const run = work()
    running = run.catch(() => undefined)
    return run
  }
  return () => {
    next ??= running.then(start)
    return next
  }
}
