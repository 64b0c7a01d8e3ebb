/** In charge of the embedded Postgres: a real server in a data directory, shared by every process that uses it. */
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
  /** Stops the server as well, unless another process still uses it. To be called once nothing here does. */
  stop: () => Promise<void>
}

/**
 * Starts the server of `dataDir`, or adopts the one that already runs; `settings` (of postgresql.conf)
 * count only for a start. The server outlives this process when `stop` is not called. Throws a
 * {@link AppError} when there is no Postgres to run, none that fits the directory, or no answer.
 */
export async function startEmbedded(
  dataDir: string,
  { settings = {} }: { settings?: Record<string, string> } = {},
): Promise<EmbeddedPostgres> {
  const cluster = await openCluster(dataDir)
  const seat = await join(cluster, settings)
  return { url: seat.url, stop: () => leave(cluster, seat) }
}

const maxStarts = 8
const patienceMs = 30_000
const stopMs = 120_000

/** Others may start and stop the same server all the while; Postgres's own lock decides who does. */
async function join(cluster: Cluster, settings: Record<string, string>): Promise<ServerLease> {
  for (let starts = 1; ; starts++) {
    const verdict = await settle(cluster)
    if (verdict !== 'none') return verdict
    const { ok } = await start(cluster, settings)
    if (!ok && starts >= maxStarts) throw await startFailure(cluster)
    if (!ok) await delay(50 * starts)
  }
}

/** Waits as long as the server says that it starts or stops, which after a crash may take minutes. */
async function settle(cluster: Cluster): Promise<ServerLease | 'none'> {
  let giveUpAt = Date.now() + patienceMs
  for (;;) {
    const verdict = await acquireLease(cluster.directory)
    if (verdict === 'busy') giveUpAt = Date.now() + patienceMs
    else if (verdict !== 'silent') return verdict
    if (Date.now() > giveUpAt) throw noAnswer(cluster)
    await delay(50)
  }
}

/** pg_ctl puts the server into a session of its own, so that Ctrl-C in the terminal does not reach it. */
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

/** pg_ctl hands the options of the server to a shell. */
function quote(word: string): string {
  return process.platform === 'win32' ? `"${word}"` : `'${word.replaceAll("'", "'\\''")}'`
}

/** To wait is ours: pg_ctl takes a server that another process starts meanwhile for the one it has stopped. */
async function leave(cluster: Cluster, seat: ServerLease): Promise<void> {
  try {
    if (!(await seat.release())) return
    const { directory } = cluster
    const { ok, output } = await pgCtl(cluster, ['stop', '-D', directory, '-m', 'fast', '-W'])
    const giveUpAt = Date.now() + stopMs
    while (!(await seat.hasEnded())) {
      if (!ok || Date.now() > giveUpAt) throw stopFailure(cluster, output)
      await delay(20)
    }
  } finally {
    await seat.close()
  }
}

function pgCtl({ account, postgres }: Cluster, args: string[]): Promise<Outcome> {
  return run(account, postgres.pgCtl, args)
}

/** Another process may take it before Postgres does: then the start fails and is tried again. */
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
    `The embedded Postgres in ${directory} does not start. Its log, ${log}, ends with:\n${lines.slice(-8).join('\n')}`,
  )
}

function stopFailure({ directory, log }: Cluster, output: string): Error {
  return new Error(
    `The embedded Postgres in ${directory} does not stop. Its log is ${log}. pg_ctl said: ${output}`,
  )
}

function noAnswer({ directory, log }: Cluster): AppError {
  return new AppError(
    'conflict',
    `A Postgres works on ${directory} and does not answer on 127.0.0.1. Its log is ${log}; its process is named in ${directory}/postmaster.pid. End that process if it is stuck, then start again.`,
  )
}
