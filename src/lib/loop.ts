/** In charge of background loops: one piece of work over and over, at every nudge and at least every so often. */

export type Loop = {
  /** Run again as soon as the pause allows. */
  wake: () => void
  /** Resolves when the work at hand is done and no more is begun. */
  stop: () => Promise<void>
}

export type LoopSettings = {
  /** The longest between two runs, nudged or not. */
  everyMs: number
  /** The shortest between the end of a run and the next, so that a burst of nudges costs one run. */
  pauseMs: number
  /** How many times as long as the run the pause after it lasts at least, within reason. */
  idleRatio: number
  /** Told of a run that failed; the loop goes on. */
  onError: (error: unknown) => void
}

const maxRestMs = 60_000

export function startLoop(
  work: () => Promise<unknown>,
  { everyMs, pauseMs, idleRatio, onError }: LoopSettings,
): Loop {
  let stopped = false
  let woken = false
  let endWait = () => {}
  let resting = false

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
      const restMs = Math.min(
        maxRestMs,
        Math.max(pauseMs, idleRatio * (performance.now() - started)),
      )
      resting = true
      if (!stopped) await wait(restMs)
      resting = false
      if (!stopped && !woken) await wait(Math.max(0, everyMs - restMs))
    }
  }

  const ended = run()
  return {
    wake() {
      woken = true
      if (!resting) endWait()
    },
    async stop() {
      stopped = true
      endWait()
      await ended
    },
  }
}
