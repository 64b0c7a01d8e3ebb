/** An embedded Postgres whose superuser may connect without a password: tests make databases and roles. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type EmbeddedPostgres,
  startEmbedded,
} from '../../src/db/embedded-postgres/embedded-postgres.ts'

export async function startOpenPostgres(
  dataDir: string,
  settings: Record<string, string> = {},
): Promise<EmbeddedPostgres> {
  const hbaFile = join(dataDir, 'open_hba.conf')
  await writeFile(hbaFile, 'host all all 127.0.0.1/32 trust\n')
  const embedded = await startEmbedded(dataDir, { settings: { hba_file: hbaFile, ...settings } })
  const url = new URL(embedded.url)
  return { ...embedded, url: `postgres://storefeed@${url.host}${url.pathname}` }
}
