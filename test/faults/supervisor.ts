/** A server that is restarted whenever it exits, as by a process manager. */
import { setTimeout as delay } from 'node:timers/promises'
import type { RunningSandbox } from '../../src/klaviyo-sandbox/listen.ts'
import { type Running, start } from '../cli/command-line.ts'
import { poll } from '../feeds/polls.ts'
import { freePort } from '../support/loopback.ts'

export type SupervisedServer = {
  url: string
  /** Number of the current process, which shares no memory with earlier ones. 0 while none is serving. */
  generation: () => number
  kill: () => void
  /** Stderr of exits that the test did not cause. */
  crashes: string[]
  stop: () => Promise<void>
}

const servingMessage = /"msg":"storefeed serves"/
/** A server without its database exits before it serves; that is no crash. */
const pauseMs = 200

function supervise(port: number, settings: Record<string, string>): SupervisedServer {
  const crashes: string[] = []
  let generations = 0
  let current = 0
  let stopping = false
  let running: Running | undefined

  async function run() {
    while (!stopping) {
      const generation = ++generations
      const started = start(['serve'], { ...settings, PORT: String(port) })
      running = started
      const served = started.printed(servingMessage).then(
        () => {
          if (running === started) current = generation
          return true
        },
        () => false,
      )
      const { signal, code, stderr } = await started.ended
      current = 0
      if (signal === 'SIGKILL' || stopping) continue
      if ((await served) || code !== 1) crashes.push(`${code} ${signal}: ${stderr.slice(-2_000)}`)
      await delay(pauseMs)
    }
  }
  const ended = run()
  return {
    url: `http://127.0.0.1:${port}`,
    generation: () => current,
    kill() {
      const killed = running
      running = undefined
      current = 0
      void killed?.end('SIGKILL')
    },
    crashes,
    async stop() {
      stopping = true
      await running?.end('SIGTERM')
      await ended
    },
  }
}

/** Two that share a database and send to the sandbox; resolves when both are ready. */
export async function superviseTwo(
  databaseUrl: string,
  sandbox: RunningSandbox,
  others: Record<string, string>,
): Promise<readonly [SupervisedServer, SupervisedServer]> {
  const settings = {
    DATABASE_URL: databaseUrl,
    RATE_LIMIT: '1000000',
    KLAVIYO_URL: sandbox.url,
    KLAVIYO_API_KEY: 'pk_right',
    KLAVIYO_RATE_SHARE: '1000',
    ...others,
  }
  const servers = [
    supervise(await freePort(), settings),
    supervise(await freePort(), settings),
  ] as const
  await Promise.all(servers.map(untilReady))
  return servers
}

export async function untilReady({ url }: SupervisedServer): Promise<void> {
  const deadline = Date.now() + 30_000
  const isReady = () =>
    poll(`${url}/readyz`).then(
      ({ status }) => status === 200,
      () => false,
    )
  while (!(await isReady())) {
    if (Date.now() > deadline) throw new Error(`${url} did not become ready`)
    await delay(50)
  }
}
