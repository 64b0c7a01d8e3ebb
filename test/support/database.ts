/** A fresh migrated database for each test file. */
import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { inject } from 'vitest'
import { connect, type Database } from '../../src/db/connection.ts'
import { postgresCode } from '../../src/db/postgres-error.ts'
import { openClient } from './postgres-client.ts'

export type TestDatabase = {
  /** Through the pooler, when there is one. */
  url: string
  /** Past it, for what needs a connection of its own. */
  directUrl: string
  db: Database
  close: () => Promise<void>
}

/**
 * To be made in `beforeAll`; `close`, in `afterAll`, drops it with all that is in it. A copy of
 * `template0` is empty.
 */
export async function createTestDatabase(template = inject('template')): Promise<TestDatabase> {
  const serverUrl = inject('serverUrl')
  const name = `${inject('template')}_${randomUUID().slice(0, 8)}`
  const admin = await openClient(serverUrl)
  await copyTemplate(admin, template, name)
  const url = databaseAt(inject('clientUrl'), name)
  const { db, close } = connect(url)
  return {
    url,
    directUrl: databaseAt(serverUrl, name),
    db,
    close: async () => {
      await close()
      await admin.query(`drop database if exists ${name} with (force)`)
      await admin.end()
    },
  }
}

export function databaseAt(serverUrl: string, name: string): string {
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return url.href
}

/** Two copies at once can be in each other's way: the template is then in use for a moment. */
async function copyTemplate(admin: pg.Client, template: string, name: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await admin.query(`create database ${name} template ${template}`)
      return
    } catch (error) {
      if (postgresCode(error) !== '55006' || tries === 20) throw error
    }
    await admin.query('select pg_sleep(0.05)')
  }
}
