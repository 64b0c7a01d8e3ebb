/** What a bench works on: a Postgres, a folder, a catalog and a built server of its own, all removed after. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Connection, connect } from '../../src/db/connection.ts'
import { migrate } from '../../src/db/migrate.ts'
import { freePort } from '../support/loopback.ts'
import { startOpenPostgres } from '../support/postgres-server.ts'
import { type RunningProcess, startProcess } from './processes.ts'

export type BenchServer = RunningProcess & { url: string; key: string }

export type Workbench = Connection & {
  databaseUrl: string
  folder: string
  /** The server as `npm start` runs it, from dist; it is stopped at the end, if it was not before. */
  startServer: (env?: Record<string, string>) => Promise<BenchServer>
}

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
const key = 'bench-key-bench-key'

/** Postgres runs with its own defaults, fsync and all. */
export async function withWorkbench<T>(work: (bench: Workbench) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'storefeed-bench-'))
  const postgres = await startOpenPostgres(folder)
  const connection = connect(postgres.url)
  const servers: BenchServer[] = []
  try {
    await migrate(postgres.url)
    return await work({
      ...connection,
      databaseUrl: postgres.url,
      folder,
      startServer: async (env = {}) => {
        const server = await startServer(postgres.url, env)
        servers.push(server)
        return server
      },
    })
  } finally {
    await Promise.all(servers.map((server) => server.stop()))
    await connection.close()
    await postgres.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

async function startServer(databaseUrl: string, env: Record<string, string>): Promise<BenchServer> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const settings = {
    DATABASE_URL: databaseUrl,
    PORT: String(port),
    HOST: '127.0.0.1',
    API_KEY: key,
    FEEDS_PUBLIC: 'true',
    LOG_LEVEL: 'error',
    RATE_LIMIT: '1000000000',
    ...env,
  }
  const process = await startProcess('node', [main, 'serve'], settings, `${url}/healthz`)
  return { ...process, url, key }
}
