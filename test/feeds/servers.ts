/** More servers on a test's database: in this process, or in processes of their own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type Config, readConfig } from '../../src/config.ts'
import { type Limits, limits as usualLimits } from '../../src/http/limits.ts'
import { createLogger } from '../../src/server/logger.ts'
import { type RunningServer, startServer } from '../../src/server/server.ts'
import { unlimited } from '../support/server.ts'

/** Public feeds, no guard, as much patience as a test has. */
export function startAnother(
  databaseUrl: string,
  settings: Partial<Config> = {},
  limits: Partial<Limits> = {},
): Promise<RunningServer> {
  const config: Config = {
    ...readConfig({}),
    host: '127.0.0.1',
    port: 0,
    feedsPublic: true,
    feedMaxDrop: 1,
    feedWaitMs: 15_000,
    rateLimit: unlimited,
    ...settings,
  }
  return startServer(config, databaseUrl, createLogger('silent'), { ...usualLimits, ...limits })
}

/** To preload, so that a process is of a release that renders otherwise. */
export const anotherRelease = new URL('another-release.ts', import.meta.url).href

export type ServerProcess = {
  url: string
  signal: (name: NodeJS.Signals) => void
  /** With SIGKILL unless it has ended; resolves when it has. */
  kill: () => Promise<void>
}

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

export async function startProcess(
  databaseUrl: string,
  settings: Record<string, string> = {},
  preload: string[] = [],
): Promise<ServerProcess> {
  const imports = ['tsx', ...preload].flatMap((module) => ['--import', module])
  const child = spawn(process.execPath, [...imports, main, 'serve'], {
    env: {
      ...process.env,
      DATABASE_URL: databaseUrl,
      HOST: '127.0.0.1',
      PORT: '0',
      FEEDS_PUBLIC: 'true',
      FEED_WAIT: '15s',
      FEED_MAX_DROP: '1',
      LOG_LEVEL: 'info',
      RATE_LIMIT: String(unlimited),
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return {
    url: await urlFromLog(child),
    signal: (name) => child.kill(name),
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
  }
}

async function urlFromLog(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('a piped output is there')
  for await (const line of createInterface(child.stdout)) {
    if (!line.startsWith('{')) continue
    const { msg, url } = JSON.parse(line)
    if (msg === 'storefeed serves') {
      child.stdout.resume()
      return url
    }
  }
  throw new Error('the server ended before it served')
}
