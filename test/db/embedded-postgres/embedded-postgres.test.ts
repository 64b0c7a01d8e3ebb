import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  access,
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import {
  type EmbeddedPostgres,
  startEmbedded,
} from '../../../src/db/embedded-postgres/embedded-postgres.ts'
import { AppError } from '../../../src/lib/errors.ts'
import { askPostgres } from '../../support/postgres-client.ts'

/** Most tests make a cluster, some several. */

const nobody = 65534
const userScript = fileURLToPath(new URL('./embedded-user.ts', import.meta.url))
const isRoot = process.getuid?.() === 0

let dataDir = ''
let children: ChildProcess[] = []

beforeEach(async () => {
  dataDir = join(await mkdtemp(join(tmpdir(), 'storefeed-embedded-')), 'data')
  children = []
})

afterEach(async () => {
  for (const child of children) await end(child)
  if (await exists('postgres/postmaster.pid')) await (await start()).stop()
  await rm(join(dataDir, '..'), { recursive: true })
})

test('a first start makes a directory only its owner can open, and a server only this machine can reach', async () => {
  const embedded = await start()
  expect(
    await askPostgres(
      embedded.url,
      `select current_user, current_setting('listen_addresses') as addresses,
         current_setting('unix_socket_directories') as sockets,
         pg_encoding_to_char(encoding) as encoding, datlocprovider as provider, datlocale as locale
       from pg_database where datname = current_database()`,
    ),
  ).toEqual([
    {
      current_user: 'storefeed_app',
      addresses: '127.0.0.1',
      sockets: '',
      encoding: 'UTF8',
      provider: 'b',
      locale: 'C.UTF-8',
    },
  ])
  expect((await stat(dataDir)).mode & 0o777).toBe(0o700)
  expect((await readdir(dataDir)).sort()).toEqual(['postgres', 'postgres.log'])
  await embedded.stop()
})

test('a second start finds what was written before the first stop, on disk by default', async () => {
  const first = await startEmbedded(dataDir)
  expect(await askPostgres(first.url, 'show fsync')).toEqual([{ fsync: 'on' }])
  await askPostgres(first.url, 'create table kept as select 7 as number')
  await first.stop()
  await expect(askPostgres(first.url, 'select 1')).rejects.toThrow('ECONNREFUSED')

  const second = await startEmbedded(dataDir)
  expect(await askPostgres(second.url, 'select number from kept')).toEqual([{ number: 7 }])
  await second.stop()
})

test('settings reach the server as they are, whatever a shell would make of them', async () => {
  const name = `it's "one" $HOME; two`
  const embedded = await startEmbedded(dataDir, { settings: { fsync: 'off', cluster_name: name } })
  expect(await askPostgres(embedded.url, 'show cluster_name')).toEqual([{ cluster_name: name }])
  await embedded.stop()
})

test('a setting Postgres does not know is reported with the words of its log', async () => {
  const started = startEmbedded(dataDir, { settings: { no_such_setting: '1' } })
  await expect(started).rejects.toThrow('unrecognized configuration parameter "no_such_setting"')
})

test('who comes second shares the server, and only the last to stop stops it', async () => {
  const first = await start()
  const second = await startUser(dataDir)
  expect(second.url).toBe(first.url)

  await first.stop()
  expect(await askPostgres(second.url, 'select 1 as one')).toEqual([{ one: 1 }])
  expect(await second.stop()).toBe(0)
  await expect(askPostgres(second.url, 'select 1')).rejects.toThrow('ECONNREFUSED')
})

test('stopping twice is stopping once', async () => {
  const [first, second] = await Promise.all([start(), start()])
  await first.stop()
  await first.stop()
  expect(await askPostgres(second.url, 'select 1 as one')).toEqual([{ one: 1 }])
  await second.stop()
})

test('processes that start at once on nothing share one server and leave no temporary directory', async () => {
  const users = await Promise.all([startUser(dataDir), startUser(dataDir), startUser(dataDir)])
  expect(new Set(users.map((user) => user.url)).size).toBe(1)
  expect((await readdir(dataDir)).sort()).toEqual(['postgres', 'postgres.log'])

  expect(await Promise.all(users.map((user) => user.stop()))).toEqual([0, 0, 0])
  expect(await exists('postgres/postmaster.pid')).toBe(false)
})

test('who starts while the last one stops gets a server that works', async () => {
  let embedded = await start()
  for (let round = 0; round < 5; round++) {
    const [next] = await Promise.all([start(), embedded.stop()])
    expect(await askPostgres(next.url, 'select 1 as one')).toEqual([{ one: 1 }])
    embedded = next
  }
  await embedded.stop()
})

test('the server survives kill -9 of its only user and is adopted by the next', async () => {
  const killed = await startUser(dataDir)
  killed.child.kill('SIGKILL')
  await once(killed.child, 'exit')

  const next = await start()
  expect(next.url).toBe(killed.url)
  await next.stop()
  await expect(askPostgres(next.url, 'select 1')).rejects.toThrow('ECONNREFUSED')
})

test('Ctrl-C in the terminal does not reach the server', async () => {
  const interrupted = await startUser(dataDir, { detached: true })
  process.kill(-Number(interrupted.child.pid), 'SIGINT')
  await once(interrupted.child, 'exit')
  expect(await askPostgres(interrupted.url, 'select 1 as one')).toEqual([{ one: 1 }])
})

test('after kill -9 of the server itself a new one is started', async () => {
  const embedded = await start()
  process.kill(await serverPid(), 'SIGKILL')
  const next = await start()
  expect(await askPostgres(next.url, 'select 1 as one')).toEqual([{ one: 1 }])
  await embedded.stop()
  await next.stop()
})

test('a pid file whose pid belongs to another process by now is seen through, and that process left alone', async () => {
  const other = spawn('sleep', ['600'], { stdio: 'ignore' })
  children.push(other)
  for (const pid of [other.pid, process.pid]) {
    await leavePidFile((text) => text.replace(/^\d+/, String(pid)))
    const embedded = await start()
    expect(await askPostgres(embedded.url, 'select 1 as one')).toEqual([{ one: 1 }])
    expect(await serverPid()).not.toBe(pid)
    await embedded.stop()
  }
  expect(other.exitCode ?? other.signalCode).toBeNull()
})

test('a pid file whose port belongs to another Postgres by now does not lead to that one', async () => {
  const { port } = new URL(inject('serverUrl'))
  await leavePidFile((text) => text.replace(/^(\d+\n.*\n.*\n)\d+/, `$1${port}`))
  const embedded = await start()
  expect(new URL(embedded.url).port).not.toBe(port)
  expect(await askPostgres(embedded.url, 'show data_directory')).toEqual([
    { data_directory: join(dataDir, 'postgres') },
  ])
  await embedded.stop()
})

test('a copy of a directory in use, pid file included, gets a server of its own', async () => {
  const original = await start()
  const copy = join(dataDir, '..', 'copy')
  spawnSync('cp', ['-r', dataDir, copy])
  const copied = await startEmbedded(copy)
  expect(copied.url).not.toBe(original.url)
  expect(await askPostgres(original.url, 'select 1 as one')).toEqual([{ one: 1 }])
  await copied.stop()
  await original.stop()
})

test('a pid file that a crash has torn is seen through', async () => {
  for (const torn of ['', '\0'.repeat(90)]) {
    await leavePidFile(() => torn)
    const longAgo = new Date(Date.now() - 60_000)
    await utimes(join(dataDir, 'postgres/postmaster.pid'), longAgo, longAgo)
    const embedded = await start()
    expect(await askPostgres(embedded.url, 'select 1 as one')).toEqual([{ one: 1 }])
    await embedded.stop()
  }
})

test('the draft of a process that died is removed, that of a living one is not', async () => {
  const { pid: dead } = spawnSync('true')
  const [abandoned, inWork] = [`postgres.new-${dead}-abc`, `postgres.new-${process.pid}-abc`]
  await mkdir(join(dataDir, abandoned), { recursive: true })
  await mkdir(join(dataDir, inWork))
  const embedded = await start()
  expect(await exists(abandoned)).toBe(false)
  expect(await exists(inWork)).toBe(true)
  await embedded.stop()
})

test('a directory of another major version is rejected and left as it is', async () => {
  await (await start()).stop()
  await writeFile(join(dataDir, 'postgres/PG_VERSION'), '12\n')
  const started = start()
  await expect(started).rejects.toThrow(AppError)
  await expect(started).rejects.toThrow(
    /was created by Postgres 12; the installed Postgres \d+ cannot read it/,
  )
  expect(await readFile(join(dataDir, 'postgres/PG_VERSION'), 'utf8')).toBe('12\n')
})

test.runIf(isRoot)(
  'root starts a server that an ordinary owner of the directory can go on with',
  async (context) => {
    context.skip(!readableByNobody(), 'the programs lie where an ordinary user cannot read them')
    await chown(join(dataDir, '..'), nobody, nobody)
    const byRoot = await start()
    const byOwner = await startUser(dataDir, { uid: nobody, gid: nobody })
    expect(byOwner.url).toBe(byRoot.url)
    expect((await stat(join(dataDir, 'postgres/PG_VERSION'))).uid).toBe(nobody)
    await byRoot.stop()
    expect(await byOwner.stop()).toBe(0)
  },
)

test.runIf(isRoot)('an ordinary user makes and serves a directory of its own', async (context) => {
  context.skip(!readableByNobody(), 'the programs lie where an ordinary user cannot read them')
  await chown(join(dataDir, '..'), nobody, nobody)
  const user = await startUser(dataDir, { uid: nobody, gid: nobody })
  expect((await stat(join(dataDir, 'postgres'))).uid).toBe(nobody)
  expect(await user.stop()).toBe(0)
})

test.runIf(isRoot)(
  'where root has no user namespaces, the directory becomes that of nobody',
  async (context) => {
    context.skip(!readableByNobody(), 'the programs lie where an ordinary user cannot read them')
    await chmod(join(dataDir, '..'), 0o755)
    await (await start()).stop()
    const path = join(dataDir, '../programs')
    await mkdir(path)
    for (const name of ['chown', 'sh']) await symlink(`/bin/${name}`, join(path, name))

    const user = await startUser(dataDir, { env: { ...process.env, PATH: path } })
    expect((await stat(join(dataDir, 'postgres/PG_VERSION'))).uid).toBe(nobody)
    expect(await user.stop()).toBe(0)
  },
)

const start = (): Promise<EmbeddedPostgres> =>
  startEmbedded(dataDir, { settings: { fsync: 'off' } })

type User = { url: string; child: ChildProcess; stop: () => Promise<number | null> }

/** Another process that uses the server in `directory`; `stop` resolves with its exit code. */
async function startUser(directory: string, options: SpawnOptions = {}): Promise<User> {
  const child = spawn(process.execPath, ['--import', 'tsx', userScript, directory], {
    env: { ...process.env, TSX_DISABLE_CACHE: '1' },
    ...options,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  children.push(child)
  if (!child.stdout) throw new Error('a piped output is there')
  const [url] = await once(createInterface(child.stdout), 'line')
  return {
    url,
    child,
    stop: async () => {
      const exited = once(child, 'exit')
      child.stdin?.end()
      const [code] = await exited
      return code
    },
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

/** Leaves what a crash of the machine would: no server, and its pid file still there. */
async function leavePidFile(change: (text: string) => string): Promise<void> {
  const embedded = await start()
  const path = join(dataDir, 'postgres/postmaster.pid')
  const text = await readFile(path, 'utf8')
  await embedded.stop()
  await writeFile(path, change(text), { mode: 0o600 })
}

async function serverPid(): Promise<number> {
  return Number.parseInt(await readFile(join(dataDir, 'postgres/postmaster.pid'), 'utf8'), 10)
}

function exists(name: string): Promise<boolean> {
  return access(join(dataDir, name)).then(
    () => true,
    () => false,
  )
}

function readableByNobody(): boolean {
  return spawnSync('test', ['-r', userScript], { uid: nobody, gid: nobody }).status === 0
}
