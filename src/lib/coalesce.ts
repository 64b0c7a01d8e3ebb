type Waiting<T> = { promise: Promise<T>; start: () => Promise<unknown> }

/**
 * Request coalescing: concurrent callers share one run of `work`. Unlike singleflight, no caller joins a run that began
 * before the call, because that run may have read an older state. Up to `concurrency` runs go on side by side; callers
 * that arrive meanwhile share the next one.
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
      // After the input that has already arrived is read, so that its callers share this run.
      setImmediate(startNext)
    }
    return next.promise
  }
}

/** `promise` settles as `work` does once it is started; `start` never rejects. */
function waitingFor<T>(work: () => Promise<T>): Waiting<T> {
  let start: Waiting<T>['start'] = () => Promise.resolve()
  const promise = new Promise<T>((resolve, reject) => {
    start = () => work().then(resolve, reject)
  })
  return { promise, start }
}

/** As {@link coalesce}, for each key by itself. */
export function coalesceByKey<T>(
  work: (key: string) => Promise<T>,
  concurrency = 1,
): (key: string) => Promise<T> {
  const entries = new Map<string, { share: () => Promise<T>; runs: Set<Promise<T>> }>()
  return (key) => {
    const entry = entries.get(key) ?? {
      share: coalesce(() => work(key), concurrency),
      runs: new Set<Promise<T>>(),
    }
    entries.set(key, entry)
    const { share, runs } = entry
    const run = share()
    // Once for each run, however many share it.
    if (!runs.has(run)) {
      runs.add(run)
      const end = () => {
        runs.delete(run)
        if (runs.size === 0) entries.delete(key)
      }
      run.then(end, end)
    }
    return run
  }
}
