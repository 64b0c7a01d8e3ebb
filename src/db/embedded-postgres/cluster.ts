/** In charge of the data directory of the embedded Postgres: made once, whole or not at all, and of the right version. */
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
import { dirname, join, resolve } from 'node:path'
import { AppError } from '../../lib/errors.ts'
import { codeOf, ifMissing } from '../../lib/system-error.ts'
import { type Account, accountFor, runOrThrow } from './account.ts'
import { findPostgres, type Postgres } from './binaries.ts'
import { isAlive } from './server-lease.ts'

export type Cluster = { directory: string; log: string; account: Account; postgres: Postgres }

/** Throws a {@link AppError} when there is no Postgres, or none that can read what is there. */
export async function openCluster(dataDir: string): Promise<Cluster> {
  const home = await makeHome(resolve(dataDir))
  const account = await accountFor(home)
  const postgres = await findPostgres(account)
  const directory = join(home, 'postgres')
  await removeAbandonedDrafts(home)
  if ((await versionOf(directory)) === undefined) await create(home, directory, account, postgres)
  const found = await versionOf(directory)
  if (found !== String(postgres.major)) {
    throw new AppError(
      'conflict',
      `${directory} was made by Postgres ${found}, and the one at hand is Postgres ${postgres.major}, which cannot read it. Start it with Postgres ${found} and give its address as DATABASE_URL, or move the directory away to begin anew.`,
    )
  }
  return { directory, log: join(home, 'postgres.log'), account, postgres }
}

/** Made by root in somebody's directory, it becomes theirs: they must be able to go on without root. */
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

/** Of several processes that create at once, the first to rename wins and the others drop their draft. */
async function create(home: string, directory: string, account: Account, postgres: Postgres) {
  const draft = await mkdtemp(join(home, `${draftPrefix}${process.pid}-`))
  try {
    const { uid, gid } = account.identity
    if (uid !== undefined && gid !== undefined) await chown(draft, uid, gid)
    await runOrThrow(account, postgres.initdb, ['-D', draft, ...initdbOptions(postgres.major)])
    await rename(draft, directory)
    await syncDirectory(home)
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    if ((await versionOf(directory)) === undefined) throw error
  }
}

/** The locale that sorts the same on every machine is built in from 17 on; before, C comes closest. */
function initdbOptions(major: number): string[] {
  const common = ['-U', 'storefeed', '-A', 'trust', '-E', 'UTF8', '--locale=C']
  return major < 17 ? common : [...common, '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
}

/** The rename outlives a power cut only once the directory that holds it is on disk. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(path)
  await handle.sync().finally(() => handle.close())
}

const draftPrefix = 'postgres.new-'

async function removeAbandonedDrafts(home: string): Promise<void> {
  for (const name of await readdir(home)) {
    if (name.startsWith(draftPrefix) && (await isAbandoned(home, name))) {
      await rm(join(home, name), { recursive: true, force: true, maxRetries: 5 })
    }
  }
}

/** Its maker is dead, or has taken minutes over what takes seconds and its pid is another's by now. */
async function isAbandoned(home: string, draft: string): Promise<boolean> {
  const maker = Number.parseInt(draft.slice(draftPrefix.length), 10)
  const made = await stat(join(home, draft)).catch(ifMissing(undefined))
  return !isAlive(maker) || Date.now() - (made?.mtimeMs ?? 0) > 10 * 60_000
}
