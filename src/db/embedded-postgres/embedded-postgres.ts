/** A real Postgres server in a data directory, shared by every process that uses it. README.md says what it guarantees. */
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { basename } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../../lib/errors.ts'
import { ifMissing } from '../../lib/system-error.ts'
import { type Outcome, run } from './account.ts'
import { type Cluster, openCluster } from './cluster.ts'
import { secure } from './credentials.ts'
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
  return { url: lease.url, stop: async () => void (await release(cluster, lease)) }
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
    if (lease !== 'none' && lease.isSecured) return lease
    const { ok, failure } = await replaceOrStart(cluster, lease, settings)
    if (!ok && starts >= maxStarts) throw await failure()
    if (!ok) await delay(50 * starts)
  }
}

type Attempt = { ok: boolean; failure: () => Promise<Error> }

/** A server of an earlier release accepts every local connection. One that a killed process left behind has no user, and is replaced. */
async function replaceOrStart(
  cluster: Cluster,
  earlier: ServerLease | 'none',
  settings: Record<string, string>,
): Promise<Attempt> {
  if (earlier !== 'none' && !(await release(cluster, earlier)))
    return { ok: false, failure: async () => earlierRelease(cluster) }
  const { ok, output } = await secureAndStart(cluster, settings)
  return { ok, failure: () => startFailure(cluster, output) }
}

async function secureAndStart(
  cluster: Cluster,
  settings: Record<string, string>,
): Promise<Outcome> {
  const { directory, account, postgres } = cluster
  try {
    await secure(directory, account, postgres.postgres)
  } catch (error) {
    return { ok: false, output: error instanceof Error ? error.message : '' }
  }
  return start(cluster, settings)
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
  const paths = ['-D', basename(directory), '-l', basename(log)]
  return pgCtl(cluster, ['start', ...paths, '-w', '-o', options.join(' ')])
}

/** pg_ctl passes the server's options through a shell. */
function quote(word: string): string {
  return process.platform === 'win32' ? `"${word}"` : `'${word.replaceAll("'", "'\\''")}'`
}

/**
 * Whether the server was stopped, having no other user. Waits here, not in pg_ctl, which confuses a server that another
 * process starts meanwhile with the one it stopped.
 */
async function release(cluster: Cluster, lease: ServerLease): Promise<boolean> {
  try {
    if (!(await lease.release())) return false
    const stop = ['stop', '-D', basename(cluster.directory), '-m', 'fast', '-W']
    const { ok, output } = await pgCtl(cluster, stop)
    const deadline = Date.now() + stopTimeoutMs
    while (!(await lease.hasEnded())) {
      if (!ok || Date.now() > deadline) throw stopFailure(cluster, output)
      await delay(20)
    }
    return true
  } finally {
    await lease.close()
  }
}

function pgCtl({ home, account, postgres }: Cluster, args: string[]): Promise<Outcome> {
  return run(account, postgres.pgCtl, args, { cwd: home })
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

async function startFailure({ directory, log }: Cluster, output: string): Promise<Error> {
  const lines = (await readFile(log, 'utf8').catch(ifMissing(''))).trim().split('\n')
  return new Error(
    `The embedded Postgres in ${directory} did not start. ${output}\nThe end of its log (${log}):\n${lines.slice(-8).join('\n')}`,
  )
}

function earlierRelease({ home }: Cluster): AppError {
  return new AppError(
    'conflict',
    `An earlier release of storefeed uses ${home}. Stop it first: its Postgres needs no password.`,
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
