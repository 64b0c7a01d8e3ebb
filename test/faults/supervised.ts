/** In charge of a server that is started again whenever it ends, as a process manager does it. */
import { setTimeout as delay } from 'node:timers/promises'
import { type Running, start } from '../commands/command-line.ts'

export type Supervised = {
  url: string
  /** Counts its lives: what one life knew the next one does not. */
  life: () => number
  kill: () => void
  /** Ends that nobody caused: in their own words. */
  deaths: string[]
  stop: () => Promise<void>
}

const serves = /"msg":"storefeed serves"/
/** A server without its database ends before it serves, and says why. */
const pauseMs = 200

export function supervise(port: number, settings: Record<string, string>): Supervised {
  const deaths: string[] = []
  let lives = 0
  let stopping = false
  let running: Running

  async function run() {
    while (!stopping) {
      lives++
      running = start(['serve'], { ...settings, PORT: String(port) })
      const { signal, code, stdout, stderr } = await running.ended
      if (signal === 'SIGKILL' || stopping) continue
      if (serves.test(stdout) || code !== 1)
        deaths.push(`${code} ${signal}: ${stderr.slice(-2_000)}`)
      await delay(pauseMs)
    }
  }
  const ended = run()
  return {
    url: `http://127.0.0.1:${port}`,
    life: () => lives,
    kill: () => void running.end('SIGKILL'),
    deaths,
    async stop() {
      stopping = true
      await running.end('SIGTERM')
      await ended
    },
  }
}
