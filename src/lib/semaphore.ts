/** Runs `work` once a permit is free, first come, first served; rejects without running it after the wait. */
export type Semaphore = <T>(work: () => Promise<T>) => Promise<T>

export function semaphore(permits: number, waitMs: number, timeoutError: () => Error): Semaphore {
  let running = 0
  const waiting = new Set<() => void>()

  async function acquire(): Promise<void> {
    if (running < permits) {
      running++
      return
    }
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(begin)
        reject(timeoutError())
      }, waitMs)
      function begin() {
        clearTimeout(timer)
        resolve()
      }
      waiting.add(begin)
    })
  }

  /** Passes the permit to whoever waits longest. */
  function release(): void {
    const [next] = waiting
    if (!next) {
      running--
      return
    }
    waiting.delete(next)
    next()
  }

  return async (work) => {
    await acquire()
    try {
      return await work()
    } finally {
      release()
    }
  }
}
