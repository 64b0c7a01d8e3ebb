/**
 * What all tests but the unit tests share: a Postgres, started here or the one at TEST_DATABASE_URL, PgBouncer in front
 * of it with TEST_POOLER=pgbouncer, and a build of storefeed.
 */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { migrate } from '../src/db/migrate.ts'
import { build } from './support/build.ts'
import { databaseAt } from './support/database.ts'
import { type Pooler, startPooler } from './support/pooler.ts'
import { openClient } from './support/postgres-client.ts'
import { startOpenPostgres } from './support/postgres-server.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where databases are created and dropped. */
    serverUrl: string
    /** Where storefeed and the tests connect: the same server, or a pooler in front of it. */
    clientUrl: string
    /** The migrated database that each test file gets a copy of. */
    template: string
    /** The built `main.js`. */
    main: string
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (project.vitest.projects.every(({ name }) => name === 'unit')) return async () => undefined
  const building = build().then(
    (built) => ({ built }),
    (error: unknown) => ({ error }),
  )
  const server = await startServer()
  let pooler: Pooler | undefined
  const template = `storefeed_test_${randomUUID().replaceAll('-', '')}`
  const admin = await openClient(server.url)
  try {
    await admin.query(`create database ${template}`)
    await migrate(databaseAt(server.url, template))
    if (throughPooler()) pooler = await startPooler(server.url)
    project.provide('main', await builtMain())
  } catch (error) {
    await tearDown()
    throw error
  }
  project.provide('serverUrl', server.url)
  project.provide('clientUrl', pooler?.url ?? server.url)
  project.provide('template', template)
  return tearDown

  async function builtMain(): Promise<string> {
    const outcome = await building
    if ('error' in outcome) throw outcome.error
    return outcome.built.main
  }

  async function tearDown(): Promise<void> {
    await pooler?.stop()
    const made = await admin.query<{ datname: string }>(
      'select datname from pg_database where starts_with(datname, $1)',
      [template],
    )
    for (const { datname } of made.rows)
      await admin.query(`drop database if exists ${datname} with (force)`)
    await admin.end()
    await server.stop()
    const outcome = await building
    if ('built' in outcome) await outcome.built.remove()
  }
}

function throughPooler(): boolean {
  const { TEST_POOLER } = process.env
  if (TEST_POOLER && TEST_POOLER !== 'pgbouncer')
    throw new Error(`TEST_POOLER may be pgbouncer, not ${TEST_POOLER}`)
  return Boolean(TEST_POOLER)
}

/** Its data need not survive a crash, which makes it several times as fast. */
const settings = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '200',
}

async function startServer(): Promise<{ url: string; stop: () => Promise<void> }> {
  const given = process.env.TEST_DATABASE_URL
  if (given) return { url: given, stop: async () => undefined }
  const dataDir = await mkdtemp(join(tmpdir(), 'storefeed-test-'))
  const removeDataDir = () => rm(dataDir, { recursive: true, force: true })
  try {
    const { url, stop } = await startOpenPostgres(dataDir, settings)
    return { url, stop: () => stop().finally(removeDataDir) }
  } catch (error) {
    await removeDataDir()
    throw error
  }
}
