/** Asks a server for its health all the time: how long is nothing answered? */
import { setTimeout as delay } from 'node:timers/promises'
import type { BenchServer } from './workbench.ts'

/** Not more often: asking costs the server time that it would have for the work that is watched. */
const everyMs = 10

/** `stop` resolves to the longest time from one answer to the next, in milliseconds. */
export function watchStalls({ url }: BenchServer): { stop: () => Promise<number> } {
  let longestMs = 0
  let done = false
  const watching = (async () => {
    let answeredAt = performance.now()
    while (!done) {
      await (await fetch(`${url}/healthz`)).text()
      longestMs = Math.max(longestMs, performance.now() - answeredAt)
      answeredAt = performance.now()
      await delay(everyMs)
    }
  })()
  return {
    async stop() {
      done = true
      await watching
      return longestMs
    },
  }
}
