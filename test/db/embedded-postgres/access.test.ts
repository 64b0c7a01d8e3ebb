import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { accountFor, run, runOrThrow } from '../../../src/db/embedded-postgres/account.ts'
import { findPostgres } from '../../../src/db/embedded-postgres/binaries.ts'
import {
  type EmbeddedPostgres,
  startEmbedded,
} from '../../../src/db/embedded-postgres/embedded-postgres.ts'
import { migrate } from '../../../src/db/migrate.ts'
import { AppError } from '../../../src/lib/errors.ts'
import { freePort } from '../../support/loopback.ts'
import { askPostgres, openClient } from '../../support/postgres-client.ts'

/** Each test makes a cluster. */

let home = ''
let dataDir = ''

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'storefeed-access-'))
  dataDir = join(home, 'data')
})

afterEach(() => rm(home, { recursive: true }))

const start = (directory = dataDir): Promise<EmbeddedPostgres> =>
  startEmbedded(directory, { settings: { fsync: 'off' } })

test('a connection without the password is refused, whatever role it names', async () => {
  const embedded = await start()
  const { host } = new URL(embedded.url)
  for (const user of ['storefeed', 'postgres', 'storefeed_app', 'storefeed_app:wrong', 'root'])
    for (const database of ['postgres', 'template1'])
      await expect(
        askPostgres(`postgres://${user}@${host}/${database}`, 'select 1'),
      ).rejects.toThrow(/no pg_hba.conf entry|password/)
  await embedded.stop()
})

test('the password is in a file that only its owner can read', async () => {
  const embedded = await start()
  const path = join(dataDir, 'postgres/storefeed.password')
  expect(await readFile(path, 'utf8')).toBe(new URL(embedded.url).password)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect((await stat(join(dataDir, 'postgres'))).mode & 0o777).toBe(0o700)
  await embedded.stop()
})

test('the role of storefeed is no superuser', async () => {
  const embedded = await start()
  for (const statement of [
    `copy (select 1) to program 'cat'`,
    `copy (select 1) to '/tmp/storefeed-copy'`,
    `create table lines (line text); copy lines from '/etc/passwd'`,
    `select pg_read_file('storefeed.password')`,
    `select lo_import('/etc/passwd')`,
    `alter system set port = 1`,
    `create role other superuser`,
    `set role storefeed`,
    `select * from pg_authid`,
  ])
    await expect(askPostgres(embedded.url, statement)).rejects.toThrow(/permission denied/)
  await embedded.stop()
})

test('a directory of an earlier release keeps its data and is closed at the next start', async () => {
  const earlier = await startAsEarlierRelease()
  await migrate(earlier.url)
  await askPostgres(
    earlier.url,
    `create view titles as select title from products; create type mood as enum ('good');
     create table notes (id serial, mood mood); insert into notes (mood) values ('good');
     insert into stores (id, title) values ('s1', 'Boston')`,
  )
  await earlier.stop()

  const embedded = await start()
  await migrate(embedded.url)
  expect(await askPostgres(embedded.url, 'select title from stores')).toEqual([{ title: 'Boston' }])
  await askPostgres(embedded.url, `insert into notes (mood) values ('good'); drop view titles`)
  await askPostgres(embedded.url, 'alter table products add column colour text')
  expect(
    await askPostgres(
      embedded.url,
      `select count(*)::int as left_over from pg_class c join pg_namespace n on n.oid = relnamespace
       where nspname in ('public', 'drizzle') and relowner <> 'storefeed_app'::regrole`,
    ),
  ).toEqual([{ left_over: 0 }])
  await expect(askPostgres(earlier.url, 'select 1')).rejects.toThrow()
  const { host } = new URL(embedded.url)
  await expect(askPostgres(`postgres://storefeed@${host}/postgres`, 'select 1')).rejects.toThrow(
    'no pg_hba.conf entry',
  )
  await embedded.stop()
})

test('an open server that a killed earlier release left behind is replaced', async () => {
  const earlier = await startAsEarlierRelease()
  const [one, other] = await Promise.all([start(), start()])
  expect(one.url).toBe(other.url)
  expect(await askPostgres(one.url, 'select current_user')).toEqual([
    { current_user: 'storefeed_app' },
  ])
  await expect(askPostgres(earlier.url, 'select 1')).rejects.toThrow()
  await one.stop()
  await other.stop()
})

test('an open server that an earlier release still uses is left alone, in words', async () => {
  const earlier = await startAsEarlierRelease()
  const user = await openClient(earlier.url)
  await user.query("select pg_advisory_lock_shared(hashtext('storefeed.embedded'))")
  const started = start()
  await expect(started).rejects.toThrow(AppError)
  await expect(started).rejects.toThrow(/An earlier release of storefeed uses .*Stop it first/)
  await user.end()
  await earlier.stop()
})

test('a start that was killed while it closed the directory is completed by the next', async () => {
  const earlier = await startAsEarlierRelease()
  await earlier.stop()
  const script = join(import.meta.dirname, 'embedded-user.ts')
  const child = spawn(process.execPath, ['--import', 'tsx', script, dataDir], { stdio: 'ignore' })
  await passwordAppears()
  child.kill('SIGKILL')
  await once(child, 'exit')
  const embedded = await start()
  expect(await askPostgres(embedded.url, 'select 1 as one')).toEqual([{ one: 1 }])
  await embedded.stop()
})

test('a directory may have any name', async () => {
  const directory = join(home, `-D $HOME $(touch pwned) it's "quoted" Zoë 店 \\ ; touch pwned #`)
  const embedded = await start(directory)
  expect(await askPostgres(embedded.url, 'show data_directory')).toEqual([
    { data_directory: join(directory, 'postgres') },
  ])
  const again = await start(directory)
  expect(again.url).toBe(embedded.url)
  await again.stop()
  await embedded.stop()
  expect(spawnSync('find', [home, '/pwned', '-name', 'pwned']).stdout.toString()).toBe('')
})

test('a name with a line break is refused in words', async () => {
  await expect(start(join(home, 'a\nb'))).rejects.toThrow(
    'DATA_DIR must not hold line breaks or other control characters.',
  )
})

async function passwordAppears(): Promise<void> {
  for (;;) {
    const found = await stat(join(dataDir, 'postgres/storefeed.password')).catch(() => null)
    if (found) return
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** A server as release 1.0.0 made and started it: its one role is the superuser, which needs no password. */
async function startAsEarlierRelease(): Promise<{ url: string; stop: () => Promise<void> }> {
  await mkdir(dataDir, { mode: 0o700 })
  const account = await accountFor(dataDir)
  const { initdb, pgCtl } = await findPostgres(account)
  const directory = join(dataDir, 'postgres')
  const port = await freePort()
  const making = ['-U', 'storefeed', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync']
  await runOrThrow(account, initdb, ['-D', directory, ...making])
  const settings = `-c fsync=off -c port=${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=`
  const log = join(dataDir, 'postgres.log')
  await runOrThrow(account, pgCtl, ['start', '-D', directory, '-l', log, '-w', '-o', settings])
  return {
    url: `postgres://storefeed@127.0.0.1:${port}/postgres`,
    stop: async () => void (await run(account, pgCtl, ['stop', '-D', directory, '-w'])),
  }
}
