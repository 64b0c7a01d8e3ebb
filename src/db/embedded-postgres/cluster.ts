/** The data directory: created atomically, and checked to be of the right version. */
import {
  chown,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
} from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { AppError } from '../../lib/errors.ts'
import { codeOf, ifMissing } from '../../lib/system-error.ts'
import { type Account, accountFor, runOrThrow } from './account.ts'
import { findPostgres, type Postgres } from './binaries.ts'
import { secure, superuser } from './credentials.ts'
import { isAlive } from './server-lease.ts'

export type Cluster = {
  /** Holds `directory` and `log`. Programs run here with relative paths, which every shell leaves as they are. */
  home: string
  directory: string
  log: string
  account: Account
  postgres: Postgres
}

/** Throws an {@link AppError} when there is no Postgres, or none that can read the directory. */
export async function openCluster(dataDir: string): Promise<Cluster> {
  if (/\p{Cc}/u.test(dataDir))
    throw new AppError('invalid', 'DATA_DIR must not hold line breaks or other control characters.')
  const home = await makeHome(resolve(dataDir))
  const account = await accountFor(home)
  const postgres = await findPostgres(account)
  const directory = join(home, 'postgres')
  await removeAbandonedDirectories(home)
  if ((await versionOf(directory)) === undefined) await create(home, directory, account, postgres)
  const found = await versionOf(directory)
  if (found !== String(postgres.major)) {
    throw new AppError(
      'conflict',
      `${directory} was created by Postgres ${found}; the installed Postgres ${postgres.major} cannot read it. Run Postgres ${found} on it and set DATABASE_URL, or move the directory away to start with an empty database.`,
    )
  }
  return { home, directory, log: join(home, 'postgres.log'), account, postgres }
}

/** A directory that root creates belongs to the owner of its parent, so that they can start without root later. */
async function makeHome(path: string): Promise<string> {
  const parent = dirname(path)
  await mkdir(parent, { recursive: true })
  try {
    await mkdir(path, { mode: 0o700 })
    const { uid, gid } = await stat(parent)
    if (process.getuid?.() === 0) await chown(path, uid, gid)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  }
  return realpath(path)
}

async function versionOf(directory: string): Promise<string | undefined> {
  const text = await readFile(join(directory, 'PG_VERSION'), 'utf8').catch(ifMissing(undefined))
  return text?.trim()
}

/** Of several processes at once, the first to rename its temporary directory wins; the others delete theirs. */
async function create(home: string, directory: string, account: Account, postgres: Postgres) {
  const temporary = await mkdtemp(join(home, `${temporaryPrefix}${process.pid}-`))
  try {
    const { uid, gid } = account.identity
    if (uid !== undefined && gid !== undefined) await chown(temporary, uid, gid)
    const options = ['-D', basename(temporary), ...initdbOptions(postgres.major)]
    await runOrThrow(account, postgres.initdb, options, { cwd: home })
    await secure(temporary, account, postgres.postgres)
    await rename(temporary, directory)
    await syncDirectory(home)
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    if ((await versionOf(directory)) === undefined) throw error
  }
}

/** From version 17 on there is a built-in locale that sorts the same on every machine; before that, C is the closest. */
function initdbOptions(major: number): string[] {
  const common = ['-U', superuser, '-A', 'reject', '-E', 'UTF8', '--locale=C']
  return major < 17 ? common : [...common, '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
}

/** A rename survives a power failure only once the parent directory is on disk. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(path)
  await handle.sync().finally(() => handle.close())
}

const temporaryPrefix = 'postgres.new-'

async function removeAbandonedDirectories(home: string): Promise<void> {
  for (const name of await readdir(home)) {
    if (name.startsWith(temporaryPrefix) && (await isAbandoned(home, name))) {
      await rm(join(home, name), { recursive: true, force: true, maxRetries: 5 })
    }
  }
}

/** Its process is dead, or it is minutes old, when the pid may belong to another process. */
async function isAbandoned(home: string, temporary: string): Promise<boolean> {
  const pid = Number.parseInt(temporary.slice(temporaryPrefix.length), 10)
  const created = await stat(join(home, temporary)).catch(ifMissing(undefined))
  return !isAlive(pid) || Date.now() - (created?.mtimeMs ?? 0) > 10 * 60_000
}
