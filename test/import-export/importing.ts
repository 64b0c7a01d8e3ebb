/** Imports files as a user does, into a database of its own. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { run } from '../cli/command-line.ts'
import { createTestDatabase } from '../support/database.ts'

export async function openImporting(environment: Record<string, string> = {}) {
  const database = await createTestDatabase()
  const folder = await mkdtemp(join(tmpdir(), 'storefeed-importing-test-'))
  return {
    db: database.db,
    async file(name: string, content: string | Buffer) {
      const path = join(folder, name)
      await writeFile(path, content)
      return path
    },
    runImport: (...args: string[]) =>
      run(['import', ...args], { DATABASE_URL: database.url, ...environment }),
    /** The summary of the only file. */
    async summaryOf(...args: string[]) {
      const { stdout, stderr } = await run(['import', ...args, '--json'], {
        DATABASE_URL: database.url,
        ...environment,
      })
      return stdout === '' ? { stderr } : { ...JSON.parse(stdout).files[0], stderr }
    },
    rows: async (query: string) => [...(await database.db.execute(sql.raw(query)))],
    empty: () =>
      database.db.execute(sql`truncate products, stores, customers, orders, outbox cascade`),
    async close() {
      await database.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export type Importing = Awaited<ReturnType<typeof openImporting>>
