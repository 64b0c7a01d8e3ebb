/** In charge of doing once what many ask for at the same time. */

type Waiting<T> = { promise: Promise<T>; start: () => Promise<unknown> }

/**
 * Callers share one run of `work`, but never one that was under way when they came: that one may
 * have looked before their time. Up to `atOnce` runs go on side by side; one more waits for all who came meanwhile.
 */
export function coalesce<T>(work: () => Promise<T>, concurrency = 1): () => Promise<T> {
  let running = 0
  let next: Waiting<T> | undefined

  function startNext() {
    if (!next || running === concurrency) return
    const { start } = next
    next = undefined
    running++
    void start().finally(() => {
      running--
      startNext()
    })
  }
  return () => {
    if (!next) {
      next = waitingFor(work)
      // Once all that came in at this moment has been read, so that it is one run.
      setImmediate(startNext)
    }
    return next.promise
  }
}

/** `promise` becomes what `work` does once it is started; `start` never fails. */
function waitingFor<T>(work: () => Promise<T>): Waiting<T> {
  let start: Waiting<T>['start'] = () => Promise.resolve()
  const promise = new Promise<T>((resolve, reject) => {
    start = () => work().then(resolve, reject)
  })
  return { promise, start }
}

/** As `sharedWork`, for each name by itself. */
export function coalesceByKey<T>(
  work: (name: string) => Promise<T>,
  atOnce = 1,
): (name: string) => Promise<T> {
  const known = new Map<string, { share: () => Promise<T>; sharers: number }>()
  return async (name) => {
    const named = known.get(name) ?? { share: coalesce(() => work(name), atOnce), sharers: 0 }
    known.set(name, named)
    named.sharers++
    try {
      return await named.share()
    } finally {
      if (--named.sharers === 0) known.delete(name)
    }
  }
}
