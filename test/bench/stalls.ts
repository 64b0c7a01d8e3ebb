/** Asks a server for its health all the time: how long is nothing answered? */
import { setTimeout as delay } from 'node:timers/promises'
import type { BenchServer } from './workbench.ts'

const everyMs = 2

/** `stop` resolves to the longest time that an answer took, in milliseconds. */
export function watchStalls({ url }: BenchServer): { stop: () => Promise<number> } {
  let longestMs = 0
  let done = false
  const watching = (async () => {
    while (!done) {
      const startedAt = performance.now()
      await (await fetch(`${url}/healthz`)).text()
      longestMs = Math.max(longestMs, performance.now() - startedAt)
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
