/** The faults and how often each is injected. Each has ended when its promise resolves, those of Klaviyo aside. */
import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import {
  createFaultInjector,
  type FaultKind,
} from '../../src/klaviyo-sandbox/faults/fault-injector.ts'
import type { RunningSandbox } from '../../src/klaviyo-sandbox/listen.ts'
import { askPostgres, openClient } from '../support/postgres-client.ts'
import type { TcpProxy } from '../support/tcp-proxy.ts'
import type { DisposablePostgres } from './disposable-postgres.ts'
import type { Random } from './seeded-random.ts'
import type { SupervisedServer } from './supervisor.ts'

export type FaultTargets = {
  postgres: DisposablePostgres
  /** Of the database, as the superuser, not through the proxy. */
  adminUrl: string
  proxy: TcpProxy
  sandbox: RunningSandbox
  servers: readonly [SupervisedServer, SupervisedServer]
}

type InjectFault = (targets: FaultTargets, random: Random) => Promise<void>

export const faultKinds: Record<string, { times: number; inject: InjectFault }> = {
  'server killed (kill -9)': {
    times: 10,
    inject: async ({ servers }, random) => random.pick(servers).kill(),
  },
  'Postgres stopped and started': {
    times: 4,
    inject: ({ postgres }, random) => stopAndStart(postgres, 'fast', random.number(800)),
  },
  'Postgres crashed (immediate stop)': {
    times: 4,
    inject: ({ postgres }, random) => stopAndStart(postgres, 'immediate', random.number(800)),
  },
  'backend of Postgres killed (kill -9)': { times: 4, inject: killBackend },
  'connections terminated by Postgres': { times: 8, inject: terminateConnections },
  'network cut': {
    times: 6,
    inject: async ({ proxy }, random) => {
      await proxy.disconnect()
      await delay(random.number(800))
      await proxy.restore()
    },
  },
  'network stalled': {
    times: 2,
    inject: async ({ proxy }, random) => {
      proxy.stall()
      await delay(700 + random.number(1_000))
      await proxy.restore()
    },
  },
  'statements hang on a lock': { times: 5, inject: lockTable },
  'database read-only': { times: 4, inject: setReadOnly },
  'disk full': { times: 4, inject: fillDisk },
  'connections used up': { times: 3, inject: useUpConnections },
  'Klaviyo answers 429': { times: 2, inject: failKlaviyo('throttle', 0.5) },
  'Klaviyo answers 503': { times: 2, inject: failKlaviyo('error', 0.6) },
  'Klaviyo hangs': { times: 1, inject: failKlaviyo('hang', 0.1) },
  'Klaviyo disconnects before recording': { times: 2, inject: failKlaviyo('cut', 0.5) },
  'Klaviyo disconnects after recording': { times: 3, inject: failKlaviyo('lost', 0.5) },
}

/** Each kind as often as configured, in an order that depends on the seed. */
export function planFaults(random: Random): string[] {
  return random.shuffle(
    Object.entries(faultKinds).flatMap(([kind, { times }]) => Array<string>(times).fill(kind)),
  )
}

async function stopAndStart(
  postgres: DisposablePostgres,
  mode: 'fast' | 'immediate',
  downMs: number,
) {
  await postgres.stop(mode)
  await delay(downMs)
  await postgres.start()
}

type Pid = { pid: number }

/** Postgres assumes corrupted shared memory, ends every connection and recovers from its WAL. */
async function killBackend({ adminUrl }: FaultTargets, random: Random): Promise<void> {
  const pids = await askPostgres<Pid>(
    adminUrl,
    "select pid from pg_stat_activity where usename = 'shop' order by pid",
  )
  const victim = pids[random.number(pids.length)]
  if (!victim) throw new Error('no backend is connected')
  process.kill(victim.pid, 'SIGKILL')
  await untilAvailable(adminUrl)
}

async function terminateConnections({ adminUrl }: FaultTargets, random: Random): Promise<void> {
  const share = random.pick([0.3, 1])
  await askPostgres(
    adminUrl,
    `select pg_terminate_backend(pid) from pg_stat_activity where usename = 'shop' and random() < ${share}`,
  )
}

const lockableTables = [
  'orders',
  'products',
  'outbox',
  'feed_chunks',
  'feed_lists',
  'feed_state',
  'api_keys',
  'outbox_queues',
] as const

async function lockTable({ adminUrl }: FaultTargets, random: Random): Promise<void> {
  const table = random.pick(lockableTables)
  const seconds = 0.7 + random.number(800) / 1_000
  await askPostgres(
    adminUrl,
    `begin; lock table ${table} in access exclusive mode; select pg_sleep(${seconds}); commit`,
  )
}

async function setReadOnly({ adminUrl }: FaultTargets, random: Random): Promise<void> {
  async function set(change: string) {
    await askPostgres(adminUrl, `alter system ${change}`)
    await askPostgres(adminUrl, 'select pg_reload_conf()')
  }
  await set('set default_transaction_read_only = on')
  await delay(300 + random.number(500))
  await set('reset default_transaction_read_only')
}

/**
 * To the last byte: tables cannot grow, and when the WAL cannot either, Postgres panics and may not start before
 * space is freed. Without a tmpfs, triggers raise the error of a full disk.
 */
async function fillDisk({ postgres, adminUrl }: FaultTargets, random: Random): Promise<void> {
  if (postgres.hasOwnDisk) await postgres.fillDisk()
  else await askPostgres(adminUrl, simulateFullDisk)
  await delay(500 + random.number(800))
  if (postgres.hasOwnDisk) await postgres.clearDisk()
  else await askPostgres(adminUrl, 'drop function disk_is_full() cascade')
  await postgres.start()
  await untilAvailable(adminUrl)
}

const simulateFullDisk = `
create function disk_is_full() returns trigger language plpgsql as $$
begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$;
create trigger disk_is_full before insert or update on products execute function disk_is_full();
create trigger disk_is_full before insert or update on orders execute function disk_is_full();
create trigger disk_is_full before insert or update on outbox execute function disk_is_full();
create trigger disk_is_full before insert or update on feed_chunks execute function disk_is_full();`

/** Opens all available connections, then ends those of the servers, so that they get no new ones. */
async function useUpConnections({ adminUrl }: FaultTargets, random: Random): Promise<void> {
  const url = new URL(adminUrl)
  url.username = 'other'
  const opened: pg.Client[] = []
  const open = (): Promise<boolean> =>
    openClient(url.href).then(
      (client) => opened.push(client) > 0,
      () => false,
    )
  while (await open());
  await askPostgres(
    adminUrl,
    "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'shop'",
  )
  for (let more = 0; more < 10; more++) await Promise.all([open(), open(), open(), open()])
  await delay(400 + random.number(600))
  await Promise.all(opened.map((client) => client.end()))
}

/** Lasts while other faults are injected. */
function failKlaviyo(kind: FaultKind, probability: number): InjectFault {
  return async ({ sandbox }, random) => {
    const faultInjector = createFaultInjector({ [kind]: probability, seed: random.number(1_000) })
    sandbox.state.faultInjector = faultInjector
    setTimeout(() => {
      if (sandbox.state.faultInjector === faultInjector)
        sandbox.state.faultInjector = createFaultInjector()
    }, 800 + random.number(1_200))
    await delay(200)
  }
}

async function untilAvailable(url: string): Promise<void> {
  const isAvailable = () =>
    askPostgres(url, 'select 1').then(
      () => true,
      () => false,
    )
  const deadline = Date.now() + 30_000
  while (!(await isAvailable())) {
    if (Date.now() > deadline) throw new Error('Postgres did not recover')
    await delay(50)
  }
}
