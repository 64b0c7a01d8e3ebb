/** In charge of the demo's keys: it shows them every time, so it keeps them in its data directory, for the owner's eyes. */
import { randomBytes } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../../config.ts'
import { codeOf } from '../../lib/system-error.ts'

export type DemoKeys = { admin: string; feeds: string }

export async function demoKeys({ dataDir, apiKey }: Config): Promise<DemoKeys> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  return {
    admin: apiKey ?? (await keptKey(dataDir, 'admin')),
    feeds: await keptKey(dataDir, 'feeds'),
  }
}

/** Of two demos that start at once, one puts the whole file in its place, and both read it. */
async function keptKey(dataDir: string, name: keyof DemoKeys): Promise<string> {
  const path = join(dataDir, `demo-${name}-key`)
  const draft = `${path}.${process.pid}`
  await writeFile(draft, `sf_${randomBytes(32).toString('base64url')}`, { mode: 0o600 })
  await link(draft, path).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error
  })
  await rm(draft)
  return readFile(path, 'utf8')
}
