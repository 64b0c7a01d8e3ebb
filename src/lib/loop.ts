/** A background loop: runs its work again whenever it is woken, and at least at a fixed interval. */

export type Loop = {
  /** Run again as soon as the pause allows. */
  wake: () => void
  /** Resolves when the current run is done; no other begins. */
  stop: () => Promise<void>
}

export type LoopSettings = {
  /** The longest time between two runs. */
  everyMs: number
  /** The shortest time between two runs, so that a burst of wake-ups costs one run. */
  pauseMs: number
  /** The pause after a run is at least this many times as long as the run, up to {@link maxPauseMs}. */
  idleRatio: number
  /** Called when a run fails; the loop goes on. */
  onError: (error: unknown) => void
}

/** Work may have waited for others rather than worked, so what it took does not decide alone. */
const maxPauseMs = 20_000

export function startLoop(
  work: () => Promise<unknown>,
  { everyMs, pauseMs, idleRatio, onError }: LoopSettings,
): Loop {
  let stopped = false
  let woken = false
  let endWait = () => {}
  let pausing = false

  const wait = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      endWait = () => {
        clearTimeout(timer)
        resolve()
      }
    })

  async function run() {
    while (!stopped) {
      woken = false
      const started = performance.now()
      await work().catch(onError)
      const pausedMs = Math.min(
        maxPauseMs,
        Math.max(pauseMs, idleRatio * (performance.now() - started)),
      )
      pausing = true
      if (!stopped) await wait(pausedMs)
      pausing = false
      if (!stopped && !woken) await wait(Math.max(0, everyMs - pausedMs))
    }
  }

  const ended = run()
  return {
    wake() {
      woken = true
      if (!pausing) endWait()
    },
    async stop() {
      stopped = true
      endWait()
      await ended
    },
  }
}
