/** In charge of telling which server works on a data directory, and of sharing it with the other processes that use it. */
import { type FileHandle, open, readFile, readlink, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { codeOf, ifMissing } from '../../lib/system-error.ts'
import { currentAccount, run } from './account.ts'

/** A place among the users of a running server: while any is held, the server is not stopped. */
export type ServerLease = {
  url: string
  /** Gives the place up. True when it was the last one: no other can be had then until `close`. */
  release: () => Promise<boolean>
  /** Whether the server has left the directory, though another may work there already. */
  hasEnded: () => Promise<boolean>
  close: () => Promise<void>
}

/** `none`: one may be started. `busy`: it says that it starts or stops. `silent`: its process lives and does not answer. */
export type LeaseResult = ServerLease | 'none' | 'busy' | 'silent'

/**
 * Takes a seat at the server that works on `directory`, or tells why it cannot be had. The pid file
 * alone proves nothing: after a crash of the machine its pid and its port may be anyone's.
 */
export async function acquireLease(directory: string): Promise<LeaseResult> {
  const file = await open(join(directory, 'postmaster.pid'), 'r+').catch(ifMissing(undefined))
  if (file === undefined) return 'none'
  try {
    const text = await file.readFile('utf8')
    const claim = parsePidFile(text)
    if (claim === undefined) return await repairPidFile(file)
    if (claim.port > 0 && (await realpath(claim.directory).catch(ifMissing(''))) === directory) {
      const answer = await ask(directory, claim.port, text)
      if (answer !== 'silent') return answer
    }
    return await checkStaleProcess(file, text, claim.pid, directory)
  } finally {
    await file.close()
  }
}

type Claim = { pid: number; directory: string; port: number }

function parsePidFile(text: string): Claim | undefined {
  const [pid, directory, , port] = text.split('\n')
  if (!pid || !/^-?[1-9]\d*$/.test(pid) || !directory) return undefined
  return { pid: Math.abs(Number(pid)), directory, port: Number(port ?? 0) }
}

/** The four lines that tell one life of a server from any other: pid, directory, start and port. */
const identity = (pidFile: string) => pidFile.split('\n').slice(0, 4).join('\n')

const lock = 'storefeed.embedded'

/** The server at `port` is the one that wrote `pidFile` when the same is in the directory it works on. */
async function ask(
  directory: string,
  port: number,
  pidFile: string,
): Promise<ServerLease | 'busy' | 'silent'> {
  const url = `postgres://storefeed@127.0.0.1:${port}/postgres`
  const client = new pg.Client({
    connectionString: url,
    application_name: 'storefeed seat',
    connectionTimeoutMillis: 3000,
    keepAlive: true,
  })
  // A seat whose connection breaks is lost, which is found out when it is given up.
  client.on('error', () => undefined)
  const tooLate = delay(5000, 'silent' as const, { ref: false })
  const answer = await Promise.race([probe(client, pidFile), tooLate])
  if (answer !== 'seated') {
    await client.end()
    return answer
  }
  return {
    url,
    release: () => leave(client),
    hasEnded: async () => identity(await readPidFile(directory)) !== identity(pidFile),
    close: () => client.end(),
  }
}

function readPidFile(directory: string): Promise<string> {
  return readFile(join(directory, 'postmaster.pid'), 'utf8').catch(ifMissing(''))
}

async function probe(client: pg.Client, pidFile: string): Promise<'seated' | 'busy' | 'silent'> {
  try {
    await client.connect()
    const read = await client.query<{ text: string }>(
      "select pg_read_file('postmaster.pid') as text",
    )
    if (identity(read.rows[0]?.text ?? '') !== identity(pidFile)) return 'silent'
    const tried = await client.query<{ taken: boolean }>(
      'select pg_try_advisory_lock_shared(hashtext($1)) as taken',
      [lock],
    )
    return tried.rows[0]?.taken ? 'seated' : 'busy'
  } catch (error) {
    return isChangingState(error) ? 'busy' : 'silent'
  }
}

/** Giving up comes first: of several that leave at once, the last then finds nobody else. */
async function leave(client: pg.Client): Promise<boolean> {
  try {
    await client.query('select pg_advisory_unlock_shared(hashtext($1))', [lock])
    const { rows } = await client.query<{ alone: boolean }>(
      'select pg_try_advisory_lock(hashtext($1)) as alone',
      [lock],
    )
    return rows[0]?.alone ?? false
  } catch (error) {
    const gone = isChangingState(error) || !(error instanceof pg.DatabaseError)
    if (gone) return false
    throw error
  }
}

/** Class 57P: shut down by an administrator or by a crash, or not open for connections yet. */
function isChangingState(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code?.startsWith('57P') === true
}

/** No process ever has it, so Postgres takes a pid file that holds it for a dead server's. */
const deadPid = '2147483647'

/**
 * Postgres refuses to start while the pid in the file is alive, whoever it is. When it is provably
 * not a server of this directory, the pid alone is overwritten, and Postgres still checks the shared
 * memory that the file names. The write goes to the very file that was judged: had another process
 * started a server meanwhile, that server's file would be a new one.
 */
async function checkStaleProcess(
  file: FileHandle,
  text: string,
  pid: number,
  directory: string,
): Promise<'none' | 'silent'> {
  if (!isAlive(pid) || process.platform === 'win32') return 'none'
  if (await mayServe(pid, directory)) return 'silent'
  await file.write(text.replace(/^-?\d+/, deadPid), 0)
  return 'none'
}

/** A server fills its file the moment it makes it; one that stays empty was torn by a crash. */
async function repairPidFile(file: FileHandle): Promise<'none' | 'silent'> {
  const { mtimeMs } = await file.stat()
  if (Date.now() - mtimeMs < 10_000) return 'silent'
  await file.write(`${deadPid}\n`, 0)
  return 'none'
}

/** A process of another user counts as dead, as it does to Postgres: ours alone may serve this directory. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    if (['ESRCH', 'EPERM'].includes(codeOf(error))) return false
    throw error
  }
}

/** Every process of a server works in its data directory. Where that cannot be seen, any Postgres might be it. */
async function mayServe(pid: number, directory: string): Promise<boolean> {
  const workingDirectory = await readlink(`/proc/${pid}/cwd`).catch(() => undefined)
  if (workingDirectory !== undefined) return workingDirectory === directory
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined)
  if (commandLine !== undefined) return commandLine.includes('postgres')
  const { ok, output } = await run(currentAccount, 'ps', ['-p', String(pid), '-o', 'command='])
  return !ok || output.includes('postgres')
}
