/** A Postgres that can be killed whole, with a synchronous standby that can be promoted; nothing that it lost was acknowledged. */
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  accountFor,
  currentAccount,
  run,
  runOrThrow,
} from '../../src/db/embedded-postgres/account.ts'
import { findPostgres } from '../../src/db/embedded-postgres/binaries.ts'
import { codeOf } from '../../src/lib/system-error.ts'
import { until } from '../feeds/until.ts'
import { freePort } from '../support/loopback.ts'
import { askPostgres } from '../support/postgres-client.ts'

export type ReplicatedPostgres = {
  /** Of the primary, as the superuser. */
  url: () => string
  /** Of both servers, as a connection URL lists them. */
  hosts: string
  /** With SIGKILL, all of its processes at once. */
  kill: () => Promise<void>
  /** After `kill`. */
  start: () => Promise<void>
  /** Gives the primary a synchronous standby, for which it is stopped for a moment. */
  addStandby: () => Promise<void>
  /** After `kill`: makes the standby the primary. `url` is the new one's at once, which may not accept writes yet. */
  promote: () => Promise<void>
  remove: () => Promise<void>
}

type Node = { data: string; port: number }

/** What is committed asynchronously stays in memory for seconds, so that a crash loses it. */
const settings = ({ port }: Node) => `
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
port = ${port}
fsync = off
max_connections = 60
wal_writer_delay = 10s
wal_keep_size = 64MB
log_min_messages = fatal
`

export async function createReplicatedPostgres(): Promise<ReplicatedPostgres> {
  const home = await mkdtemp(join(tmpdir(), 'storefeed-replicated-'))
  const account = await accountFor(home)
  const { initdb, pgCtl } = await findPostgres(account)
  const newNode = async (name: string): Promise<Node> => ({
    data: join(home, name),
    port: await freePort(),
  })
  let primary = await newNode('first')
  let standby = await newNode('second')
  const hosts = [primary, standby].map(({ port }) => `127.0.0.1:${port}`).join()
  const urlOf = ({ port }: Node) => `postgres://storefeed@127.0.0.1:${port}/postgres`
  const control = (node: Node, ...args: string[]) =>
    runOrThrow(account, pgCtl, [...args, '-D', node.data, '-w', '-t', '60'])
  const startNode = (node: Node) => control(node, 'start', '-l', join(home, 'log'))

  await runOrThrow(account, initdb, [
    ...['-D', primary.data, '-U', 'storefeed', '-A', 'trust', '-E', 'UTF8', '--locale=C'],
    ...['--no-sync', '--wal-segsize=1'],
  ])
  await writeFile(join(primary.data, 'postgresql.conf'), settings(primary), { flag: 'a' })
  await startNode(primary)

  async function kill() {
    const [found] = await askPostgres<{ pids: number[] }>(
      urlOf(primary),
      `select array_agg(pid) || split_part(pg_read_file('postmaster.pid'), e'\\n', 1)::int as pids from pg_stat_activity`,
    )
    const pids = found?.pids ?? []
    for (const pid of pids.reverse()) signal(pid, 'SIGKILL')
    await until(
      async () => pids.filter(isAlive),
      (alive) => alive.length === 0,
    )
  }

  async function addStandby() {
    await control(primary, 'stop', '-m', 'fast')
    await rm(standby.data, { recursive: true, force: true })
    await cp(primary.data, standby.data, { recursive: true })
    const source = `primary_conninfo = 'host=127.0.0.1 port=${primary.port} user=storefeed'`
    const conf = join(standby.data, 'postgresql.conf')
    await writeFile(conf, `port = ${standby.port}\n${source}\n`, { flag: 'a' })
    await writeFile(join(standby.data, 'standby.signal'), '')
    await own(standby.data)
    await startNode(primary)
    await startNode(standby)
    await askPostgres(urlOf(primary), `alter system set synchronous_standby_names = '*'`)
    await askPostgres(urlOf(primary), 'select pg_reload_conf()')
    await until(
      () => askPostgres(urlOf(primary), 'select sync_state from pg_stat_replication'),
      ([row]) => row?.sync_state === 'sync',
    )
  }

  async function promote() {
    ;[primary, standby] = [standby, primary]
    await control(primary, 'promote')
  }

  /** Postgres insists on owning its files. */
  async function own(path: string) {
    const { uid, gid } = account.identity
    if (uid !== undefined) await runOrThrow(currentAccount, 'chown', ['-R', `${uid}:${gid}`, path])
  }

  async function remove() {
    for (const node of [primary, standby])
      await run(account, pgCtl, ['stop', '-D', node.data, '-m', 'immediate', '-w'])
    await rm(home, { recursive: true, force: true })
  }
  return {
    url: () => urlOf(primary),
    hosts,
    kill,
    start: () => startNode(primary).then(() => undefined),
    addStandby,
    promote,
    remove,
  }
}

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name)
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error
    return false
  }
}

const isAlive = (pid: number) => signal(pid, 0)
