/** A Postgres that tests may stop, crash and run out of disk: on a small tmpfs where the system allows one. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Account,
  accountFor,
  run,
  runOrThrow,
} from '../../src/db/embedded-postgres/account.ts'
import { findPostgres } from '../../src/db/embedded-postgres/binaries.ts'
import { ifMissing } from '../../src/lib/system-error.ts'
import { freePort } from '../support/loopback.ts'

export type DisposablePostgres = {
  /** As the superuser, not through a proxy. */
  url: string
  /** Whether it has a tmpfs, which can be filled. */
  hasOwnDisk: boolean
  /** Does nothing when it is running. */
  start: () => Promise<void>
  stop: (mode: 'fast' | 'immediate') => Promise<void>
  /** To the last byte. */
  fillDisk: () => Promise<void>
  clearDisk: () => Promise<void>
  remove: () => Promise<void>
}

const diskMegabytes = 320

/** Without fsync an acknowledged commit survives any end of Postgres, though not of the machine. */
const settings = (port: number) => `
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
port = ${port}
fsync = off
max_connections = 60
max_wal_size = 64MB
min_wal_size = 32MB
checkpoint_timeout = 30s
log_min_messages = fatal
`

export async function createDisposablePostgres(): Promise<DisposablePostgres> {
  const home = await mkdtemp(join(tmpdir(), 'storefeed-faults-'))
  const disk = await openDisk(home)
  const account = disk?.account ?? (await accountFor(home))
  const { initdb, pgCtl } = await findPostgres(account)
  const port = await freePort()
  const data = join(home, 'data')
  const visibleHome = join(disk?.visibleAt ?? '', home)
  await runOrThrow(account, initdb, [
    ...['-D', data, '-U', 'storefeed', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
  ])
  await writeFile(join(visibleHome, 'data', 'postgresql.conf'), settings(port), { flag: 'a' })
  const filler = join(visibleHome, 'filler')

  async function start() {
    for (let attempt = 1; ; attempt++) {
      const args = ['start', '-D', data, '-l', join(home, 'log'), '-w', '-t', '30']
      const { ok, output } = await run(account, pgCtl, args)
      if (ok || (await run(account, pgCtl, ['status', '-D', data])).ok) return
      const log = await readFile(join(visibleHome, 'log'), 'utf8').catch(ifMissing(''))
      if (attempt === 5) throw new Error(`Postgres does not start: ${output}\n${log.slice(-2_000)}`)
    }
  }
  await start()
  return {
    url: `postgres://storefeed@127.0.0.1:${port}/postgres`,
    hasOwnDisk: disk !== undefined,
    start,
    async stop(mode) {
      await runOrThrow(account, pgCtl, ['stop', '-D', data, '-m', mode, '-w', '-t', '30'])
    },
    fillDisk: () => fill(filler),
    clearDisk: () => rm(filler, { force: true }),
    async remove() {
      await run(account, pgCtl, ['stop', '-D', data, '-m', 'immediate', '-w'])
      await disk?.close()
      await rm(home, { recursive: true, force: true })
    },
  }
}

type Disk = { account: Account; visibleAt: string; close: () => Promise<void> }

/** Mounted in a namespace of its own, held open by a child process that ends with this one. Undefined where namespaces are forbidden. */
async function openDisk(home: string): Promise<Disk | undefined> {
  const mount = `mount -t tmpfs -o size=${diskMegabytes}m,mode=700 storefeed "$0" && echo mounted && exec cat`
  const args = ['--user', '--map-root-user', '--mount', 'sh', '-c', mount, home]
  const holder: ChildProcess = spawn('unshare', args, { stdio: ['pipe', 'pipe', 'ignore'] })
  const ended = once(holder, 'close')
  const mounted = await Promise.race([
    holder.stdout && once(holder.stdout, 'data').then(() => true),
    ended.then(() => false),
  ]).catch(() => false)
  if (!mounted) return undefined
  const inside = ['-t', String(holder.pid), '--user', '--mount', '--preserve-credentials']
  const unprivileged = ['unshare', '--user', '--map-user=65534', '--map-group=65534']
  return {
    account: { through: ['nsenter', ...inside, ...unprivileged], identity: {} },
    visibleAt: `/proc/${holder.pid}/root`,
    async close() {
      holder.stdin?.end()
      await ended
    },
  }
}

async function fill(path: string): Promise<void> {
  const megabyte = Buffer.alloc(1024 * 1024)
  for (const block of [megabyte, megabyte.subarray(0, 4096)]) {
    let full = false
    while (!full) {
      full = await writeFile(path, block, { flag: 'a' }).then(
        () => false,
        () => true,
      )
    }
  }
}
