/** A real Postgres server in a data directory, shared by every process that uses it. README.md says what it guarantees. */
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../../lib/errors.ts'
import { ifMissing } from '../../lib/system-error.ts'
import { type Outcome, run } from './account.ts'
import { type Cluster, openCluster } from './cluster.ts'
import { acquireLease, type ServerLease } from './server-lease.ts'

export type EmbeddedPostgres = {
  url: string
  /** Releases the server, and stops it when no other process uses it. Close all connections first. */
  stop: () => Promise<void>
}

/**
 * Starts the server of `dataDir`, or uses the one that already runs; `settings` (of postgresql.conf) apply only when it
 * starts one. The server outlives this process unless `stop` is called. Throws an {@link AppError} when no Postgres is
 * found, none that can read the directory, or the running one does not answer.
 */
export async function startEmbedded(
  dataDir: string,
  { settings = {} }: { settings?: Record<string, string> } = {},
): Promise<EmbeddedPostgres> {
  const cluster = await openCluster(dataDir)
  const lease = await startOrJoin(cluster, settings)
  return { url: lease.url, stop: () => release(cluster, lease) }
}

const maxStarts = 8
const answerTimeoutMs = 30_000
const stopTimeoutMs = 120_000

/** Other processes may start and stop the same server meanwhile; Postgres's own lock decides which one wins. */
async function startOrJoin(
  cluster: Cluster,
  settings: Record<string, string>,
): Promise<ServerLease> {
  for (let starts = 1; ; starts++) {
    const lease = await waitForLease(cluster)
    if (lease !== 'none') return lease
    const { ok } = await start(cluster, settings)
    if (!ok && starts >= maxStarts) throw await startFailure(cluster)
    if (!ok) await delay(50 * starts)
  }
}

/** Waits as long as the server reports that it starts or stops; recovery after a crash may take minutes. */
async function waitForLease(cluster: Cluster): Promise<ServerLease | 'none'> {
  let deadline = Date.now() + answerTimeoutMs
  for (;;) {
    const result = await acquireLease(cluster.directory)
    if (result === 'busy') deadline = Date.now() + answerTimeoutMs
    else if (result !== 'unresponsive') return result
    if (Date.now() > deadline) throw noAnswer(cluster)
    await delay(50)
  }
}

/** pg_ctl starts the server in a session of its own, so that Ctrl-C in the terminal does not reach it. */
async function start(cluster: Cluster, settings: Record<string, string>): Promise<Outcome> {
  const all = {
    listen_addresses: '127.0.0.1',
    port: String(await freePort()),
    unix_socket_directories: '',
    log_checkpoints: 'off',
    ...settings,
  }
  const options = Object.entries(all).map(([name, value]) => `-c ${quote(`${name}=${value}`)}`)
  const { directory, log } = cluster
  return pgCtl(cluster, ['start', '-D', directory, '-l', log, '-w', '-o', options.join(' ')])
}

/** pg_ctl passes the server's options through a shell. */
function quote(word: string): string {
  return process.platform === 'win32' ? `"${word}"` : `'${word.replaceAll("'", "'\\''")}'`
}

/** Waits here, not in pg_ctl, which confuses a server that another process starts meanwhile with the one it stopped. */
async function release(cluster: Cluster, lease: ServerLease): Promise<void> {
  try {
    if (!(await lease.release())) return
    const { directory } = cluster
    const { ok, output } = await pgCtl(cluster, ['stop', '-D', directory, '-m', 'fast', '-W'])
    const deadline = Date.now() + stopTimeoutMs
    while (!(await lease.hasEnded())) {
      if (!ok || Date.now() > deadline) throw stopFailure(cluster, output)
      await delay(20)
    }
  } finally {
    await lease.close()
  }
}

function pgCtl({ account, postgres }: Cluster, args: string[]): Promise<Outcome> {
  return run(account, postgres.pgCtl, args)
}

/** Another process may take the port before Postgres does; the start then fails and is retried. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      probe.close(() => resolve(port))
    })
  })
}

async function startFailure({ directory, log }: Cluster): Promise<Error> {
  const lines = (await readFile(log, 'utf8').catch(ifMissing(''))).trim().split('\n')
  return new Error(
    `The embedded Postgres in ${directory} did not start. The end of its log (${log}):\n${lines.slice(-8).join('\n')}`,
  )
}

function stopFailure({ directory, log }: Cluster, output: string): Error {
  return new Error(
    `The embedded Postgres in ${directory} did not stop. Its log is ${log}. Output of pg_ctl: ${output}`,
  )
}

function noAnswer({ directory, log }: Cluster): AppError {
  return new AppError(
    'conflict',
    `A Postgres runs in ${directory} but does not answer on 127.0.0.1. Its log is ${log}; its process id is in ${directory}/postmaster.pid. End that process if it is stuck, then start again.`,
  )
}
