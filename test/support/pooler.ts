/** PgBouncer between the tests and their Postgres, in strict transaction mode. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { freePort } from './loopback.ts'

export type Pooler = { url: string; stop: () => Promise<void> }

const program = 'pgbouncer'
/** It does not run as root. */
const nobody = 65534
const isRoot = process.getuid?.() === 0
const identity = isRoot ? { uid: nobody, gid: nobody } : {}

/** Every database of the server at `serverUrl` can be had at its `url`, one transaction after the other. */
export async function startPooler(serverUrl: string): Promise<Pooler> {
  const home = await mkdtemp(join(tmpdir(), 'storefeed-pooler-'))
  const remove = () => rm(home, { recursive: true, force: true })
  try {
    const url = new URL(serverUrl)
    const file = join(home, 'pgbouncer.ini')
    const port = await freePort()
    await writeFile(file, await settingsFor(url, port))
    if (isRoot) await chown(home, nobody, nobody)
    const child = spawn(program, [file], { ...identity, stdio: ['ignore', 'ignore', 'pipe'] })
    await untilUp(child)
    url.host = `127.0.0.1:${port}`
    url.password = ''
    return { url: url.href, stop: () => end(child).then(remove) }
  } catch (error) {
    await remove()
    throw error
  }
}

/** Nothing is eased but what tests need: more clients than 100, and a retry sooner than after 15 seconds. */
async function settingsFor({ hostname, port, username, password }: URL, listenPort: number) {
  const quoted = (text: string) => `'${decodeURIComponent(text).replaceAll("'", "''")}'`
  // An empty password is one that it cannot read.
  const login = `user=${quoted(username)}${password && ` password=${quoted(password)}`}`
  return [
    '[databases]',
    `* = host=${hostname} port=${port || 5432} ${login}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${listenPort}`,
    'unix_socket_dir =',
    'auth_type = any',
    'pool_mode = transaction',
    'max_client_conn = 2000',
    'server_login_retry = 1',
    ...((await keepsPreparedStatements()) ? ['max_prepared_statements = 0'] : []),
  ].join('\n')
}

/** From 1.21 on, unless it is configured not to. */
async function keepsPreparedStatements(): Promise<boolean> {
  const { stdout } = await promisify(execFile)(program, ['--version'])
  const [, major = 0, minor = 0] = /PgBouncer (\d+)\.(\d+)/.exec(stdout) ?? []
  return Number(major) * 1000 + Number(minor) >= 1021
}

async function untilUp(child: ChildProcess): Promise<void> {
  const said: string[] = []
  const failed = once(child, 'error').then(([error]) => Promise.reject(error))
  const up = (async () => {
    if (!child.stderr) throw new Error('a piped output is there')
    for await (const line of createInterface(child.stderr)) {
      said.push(line)
      if (line.includes('process up')) return
    }
    throw new Error(`PgBouncer does not start:\n${said.join('\n')}`)
  })()
  await Promise.race([up, failed])
  child.stderr?.resume()
}

/** It keeps nothing, so it may be ended as it stands, whoever is still connected. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}
