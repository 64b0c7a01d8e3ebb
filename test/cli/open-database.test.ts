import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { run } from './command-line.ts'

const commands = [
  ['doctor'],
  ['keys', 'list'],
  ['keys', 'create', 'Klaviyo'],
  ['export', 'products'],
  ['import', '--kind', 'products', '-'],
  ['event', 'A-1'],
  ['rebuild'],
  ['push'],
  ['backfill'],
]

test('a database of something else is told by every command, and not changed', async () => {
  const other = await createTestDatabase('template0')
  try {
    await other.db.execute(sql`create table invoices (id int)`)
    const environment = { DATABASE_URL: other.url, KLAVIYO_PRIVATE_KEY: 'pk_not_in_use_0123456789' }
    for (const command of commands) {
      const { code, stdout, stderr } = await run(command, environment, 'id,title\na,A\n')
      expect([command, code]).toEqual([command, 1])
      expect(stdout + stderr).toMatch(/lacks (\d+ )?migrations of this version/)
    }
    expect(
      await other.db.execute(sql`
        select relname from pg_class join pg_namespace n on n.oid = relnamespace
        where nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
        union all select nspname from pg_namespace where nspname in ('drizzle', 'storefeed')`),
    ).toEqual([{ relname: 'invoices' }])
  } finally {
    await other.close()
  }
})

test('an embedded Postgres in place of a server is announced, and its empty database not migrated by a command', async () => {
  const DATA_DIR = await mkdtemp(join(tmpdir(), 'storefeed-'))
  try {
    const { code, stdout, stderr } = await run(['keys', 'list'], { DATA_DIR })
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(
      `DATABASE_URL is not set: using an embedded Postgres in ${DATA_DIR}.\n`,
    )
    expect(stderr).toContain('lacks')
  } finally {
    await rm(DATA_DIR, { recursive: true })
  }
})
