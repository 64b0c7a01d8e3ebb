/** Builds storefeed once per test run, apart from `dist`, so that commands start as fast as for users. */
import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { bundleAssets } from '../../src/console/assets.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

export type Build = { main: string; remove: () => Promise<void> }

/** Within node_modules, so that packages are resolved from there and no tool takes it for source. */
export async function build(): Promise<Build> {
  const cache = join(root, 'node_modules', '.cache')
  await mkdir(cache, { recursive: true })
  const home = await mkdtemp(join(cache, 'storefeed-test-'))
  const remove = () => rm(home, { recursive: true, force: true })
  try {
    for (const folder of ['migrations', 'src'])
      await symlink(join(root, folder), join(home, folder), 'junction')
    await copyFile(join(root, 'package.json'), join(home, 'package.json'))
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
    const outDir = join(home, 'dist')
    const assets = join(outDir, 'console', 'assets')
    await mkdir(assets, { recursive: true })
    const files = await bundleAssets()
    await Promise.all([
      promisify(execFile)(process.execPath, [tsc, '-p', root, '--outDir', outDir]),
      ...files.map(([name, content]) => writeFile(join(assets, name), content)),
    ])
    return { main: join(outDir, 'main.js'), remove }
  } catch (error) {
    await remove()
    throw error
  }
}
