/** The demo's keys. It prints them at every start, so it stores them in its data directory, readable by the owner only. */
import { randomBytes } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../../config.ts'
import { codeOf } from '../../lib/system-error.ts'

export type DemoKeys = { admin: string; feeds: string }

export async function demoKeys({ dataDir, apiKey }: Config): Promise<DemoKeys> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  return {
    admin: apiKey ?? (await storedKey(dataDir, 'admin')),
    feeds: await storedKey(dataDir, 'feeds'),
  }
}

/** When two demos start at once, one links its complete file into place, and both read it. */
async function storedKey(dataDir: string, name: keyof DemoKeys): Promise<string> {
  const path = join(dataDir, `demo-${name}-key`)
  const temporary = `${path}.${process.pid}`
  await writeFile(temporary, `sf_${randomBytes(32).toString('base64url')}`, { mode: 0o600 })
  await link(temporary, path).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error
  })
  await rm(temporary)
  return readFile(path, 'utf8')
}
