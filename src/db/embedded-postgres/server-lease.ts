/** Finds the server that runs in a data directory, and counts the processes that use it. */
import { type FileHandle, open, readFile, readlink, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { codeOf, ifMissing } from '../../lib/system-error.ts'
import { currentAccount, run } from './account.ts'
import { connectionUrl } from './credentials.ts'

/** A share in a running server, held by an advisory lock: while any is held, the server is not stopped. */
export type ServerLease = {
  url: string
  /** False when an earlier release started the server: it accepts every local connection. */
  isSecured: boolean
  /** True when it was the last lease; no other can be acquired then until `close`. */
  release: () => Promise<boolean>
  /** Whether this server has stopped; another may already run in the directory. */
  hasEnded: () => Promise<boolean>
  close: () => Promise<void>
}

/** `none`: a server may be started. `busy`: it is starting or stopping. `unresponsive`: its process lives but does not answer. */
export type LeaseResult = ServerLease | 'none' | 'busy' | 'unresponsive'

/**
 * A lease of the server that runs in `directory`, or why there is none. The pid file alone proves nothing: after a
 * crash of the machine, its pid and port may belong to other processes.
 */
export async function acquireLease(directory: string): Promise<LeaseResult> {
  const file = await open(join(directory, 'postmaster.pid'), 'r+').catch(ifMissing(undefined))
  if (file === undefined) return 'none'
  try {
    const text = await file.readFile('utf8')
    const entry = parsePidFile(text)
    if (entry === undefined) return await repairPidFile(file)
    if (entry.port > 0 && (await realpath(entry.directory).catch(ifMissing(''))) === directory) {
      const result = await connectTo(directory, entry.port, text)
      if (result !== 'unresponsive') return result
    }
    return await checkStaleProcess(file, text, entry.pid, directory)
  } finally {
    await file.close()
  }
}

type PidFile = { pid: number; directory: string; port: number }

function parsePidFile(text: string): PidFile | undefined {
  const [pid, directory, , port] = text.split('\n')
  if (!pid || !/^-?[1-9]\d*$/.test(pid) || !directory) return undefined
  // A negative pid is that of a Postgres in single-user mode, which has no port.
  const isServer = !pid.startsWith('-')
  return { pid: Math.abs(Number(pid)), directory, port: isServer ? Number(port ?? 0) : 0 }
}

/** The lines that identify one run of a server: pid, directory, start time and port. */
const identity = (pidFile: string) => pidFile.split('\n').slice(0, 4).join('\n')

const lock = 'storefeed.embedded'

/** The server at `port` is the right one if it serves this directory, whose pid file is still the same after it said so. */
async function connectTo(
  directory: string,
  port: number,
  pidFile: string,
): Promise<ServerLease | 'busy' | 'unresponsive'> {
  const { url, isSecured } = await connectionUrl(directory, port)
  const client = new pg.Client({
    connectionString: url,
    application_name: 'storefeed lease',
    connectionTimeoutMillis: 3000,
    keepAlive: true,
  })
  // A lease whose connection breaks is lost; its release reports that.
  client.on('error', () => undefined)
  const timeout = delay(5000, 'unresponsive' as const, { ref: false })
  const result = await Promise.race([probe(client, directory, pidFile), timeout])
  if (result !== 'leased') {
    await client.end()
    return result
  }
  return {
    url,
    isSecured,
    release: () => releaseLock(client),
    hasEnded: async () => identity(await readPidFile(directory)) !== identity(pidFile),
    close: () => client.end(),
  }
}

function readPidFile(directory: string): Promise<string> {
  return readFile(join(directory, 'postmaster.pid'), 'utf8').catch(ifMissing(''))
}

async function probe(
  client: pg.Client,
  directory: string,
  pidFile: string,
): Promise<'leased' | 'busy' | 'unresponsive'> {
  try {
    await client.connect()
    const { rows } = await client.query<{ data_directory: string }>('show data_directory')
    const served = await realpath(rows[0]?.data_directory ?? '').catch(ifMissing(''))
    const isSame = identity(await readPidFile(directory)) === identity(pidFile)
    if (served !== directory || !isSame) return 'unresponsive'
    const tried = await client.query<{ acquired: boolean }>(
      'select pg_try_advisory_lock_shared(hashtext($1)) as acquired',
      [lock],
    )
    return tried.rows[0]?.acquired ? 'leased' : 'busy'
  } catch (error) {
    return isChangingState(error) ? 'busy' : 'unresponsive'
  }
}

/** Unlocks first, so that of several processes that release at once the last one finds itself alone. */
async function releaseLock(client: pg.Client): Promise<boolean> {
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

/** Class 57P: shutting down, crashed, or starting up. */
function isChangingState(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code?.startsWith('57P') === true
}

/** A pid that no process has, so Postgres treats the pid file as that of a dead server. */
const deadPid = '2147483647'

/**
 * Postgres does not start while the pid in the file is alive, whatever process that is. When it provably is not a server
 * of this directory, only the pid is overwritten; Postgres still checks the shared memory segment that the file names.
 * The write goes to the open file that was read: a server that another process started meanwhile has a new file.
 */
async function checkStaleProcess(
  file: FileHandle,
  text: string,
  pid: number,
  directory: string,
): Promise<'none' | 'unresponsive'> {
  if (!isAlive(pid) || process.platform === 'win32') return 'none'
  if (await mayServe(pid, directory)) return 'unresponsive'
  await file.write(text.replace(/^-?\d+/, deadPid), 0)
  return 'none'
}

/** A server writes its pid file as soon as it creates it; one that stays empty was cut off by a crash. */
async function repairPidFile(file: FileHandle): Promise<'none' | 'unresponsive'> {
  const { mtimeMs } = await file.stat()
  if (Date.now() - mtimeMs < 10_000) return 'unresponsive'
  await file.write(`${deadPid}\n`, 0)
  return 'none'
}

/** A process of another user counts as dead, as for Postgres: only our own may serve this directory. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    if (['ESRCH', 'EPERM'].includes(codeOf(error))) return false
    throw error
  }
}

/** A server's working directory is its data directory. Where that is not visible, any Postgres process might be it. */
async function mayServe(pid: number, directory: string): Promise<boolean> {
  const workingDirectory = await readlink(`/proc/${pid}/cwd`).catch(() => undefined)
  if (workingDirectory !== undefined) return workingDirectory === directory
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined)
  if (commandLine !== undefined) return commandLine.includes('postgres')
  const { ok, output } = await run(currentAccount, 'ps', ['-p', String(pid), '-o', 'command='])
  return !ok || output.includes('postgres')
}
