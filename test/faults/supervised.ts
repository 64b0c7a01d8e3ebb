/** In charge of a server that is started again whenever it ends, as a process manager does it. */
import { setTimeout as delay } from 'node:timers/promises'
import { type Running, start } from '../cli/command-line.ts'

export type Supervised = {
  url: string
  /** Which of its lives it serves in: what one knew the next one does not. 0 while it is dead, dying or not serving yet. */
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
  let serving = 0
  let stopping = false
  let running: Running | undefined

  async function run() {
    while (!stopping) {
      const life = ++lives
      const started = start(['serve'], { ...settings, PORT: String(port) })
      running = started
      const served = started.printed(serves).then(
        () => {
          if (running === started) serving = life
          return true
        },
        () => false,
      )
      const { signal, code, stderr } = await started.ended
      serving = 0
      if (signal === 'SIGKILL' || stopping) continue
      if ((await served) || code !== 1) deaths.push(`${code} ${signal}: ${stderr.slice(-2_000)}`)
      await delay(pauseMs)
    }
  }
  const ended = run()
  return {
    url: `http://127.0.0.1:${port}`,
    life: () => serving,
    kill() {
      const victim = running
      running = undefined
      serving = 0
      void victim?.end('SIGKILL')
    },
    deaths,
    async stop() {
      stopping = true
      await running?.end('SIGTERM')
      await ended
    },
  }
}
