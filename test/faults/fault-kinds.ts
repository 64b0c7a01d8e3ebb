/** In charge of the faults: what each does, how often, and that it is over when it says so. */
import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import {
  createFaultInjector,
  type FaultKind,
} from '../../src/klaviyo-sandbox/faults/fault-injector.ts'
import type { RunningSandbox } from '../../src/klaviyo-sandbox/listen.ts'
import { askPostgres, openClient } from '../support/postgres-client.ts'
import type { Wire } from '../support/wire.ts'
import type { OwnPostgres } from './own-postgres.ts'
import type { Chance } from './seeded.ts'
import type { Supervised } from './supervised.ts'

/** What faults strike. */
export type Ground = {
  own: OwnPostgres
  /** Of the database, as the superuser, past the wire. */
  adminUrl: string
  wire: Wire
  sandbox: RunningSandbox
  servers: readonly [Supervised, Supervised]
}

type Strike = (ground: Ground, chance: Chance) => Promise<void>

export const faultKinds: Record<string, { times: number; strike: Strike }> = {
  'server killed (kill -9)': {
    times: 10,
    strike: async ({ servers }, chance) => chance.pick(servers).kill(),
  },
  'Postgres stopped and started': {
    times: 4,
    strike: ({ own }, chance) => stopAndStart(own, 'fast', chance.number(800)),
  },
  'Postgres crashed (immediate stop)': {
    times: 4,
    strike: ({ own }, chance) => stopAndStart(own, 'immediate', chance.number(800)),
  },
  'backend of Postgres killed (kill -9)': { times: 4, strike: killBackend },
  'connections terminated by Postgres': { times: 8, strike: terminateConnections },
  'network cut': {
    times: 6,
    strike: async ({ wire }, chance) => {
      await wire.cut()
      await delay(chance.number(800))
      await wire.mend()
    },
  },
  'network silent': {
    times: 2,
    strike: async ({ wire }, chance) => {
      wire.hush()
      await delay(700 + chance.number(1_000))
      await wire.mend()
    },
  },
  'statements hang on a lock': { times: 5, strike: lockTable },
  'database read only': { times: 4, strike: setReadOnly },
  'disk full': { times: 4, strike: fillDisk },
  'connections used up': { times: 3, strike: useUpConnections },
  'Klaviyo answers 429': { times: 2, strike: failKlaviyo('throttle', 0.5) },
  'Klaviyo answers 503': { times: 2, strike: failKlaviyo('error', 0.6) },
  'Klaviyo hangs': { times: 1, strike: failKlaviyo('hang', 0.1) },
  'Klaviyo cuts before it records': { times: 2, strike: failKlaviyo('cut', 0.5) },
  'Klaviyo cuts after it recorded': { times: 3, strike: failKlaviyo('lost', 0.5) },
}

/** Every kind as often as it says, in an order that the seed decides. */
export function planFaults(chance: Chance): string[] {
  return chance.shuffle(
    Object.entries(faultKinds).flatMap(([kind, { times }]) => Array<string>(times).fill(kind)),
  )
}

async function stopAndStart(own: OwnPostgres, mode: 'fast' | 'immediate', awayMs: number) {
  await own.stop(mode)
  await delay(awayMs)
  await own.start()
}

type Pid = { pid: number }

/** Postgres takes it for a sign of broken memory, ends every connection and recovers from its log. */
async function killBackend({ adminUrl }: Ground, chance: Chance): Promise<void> {
  const pids = await askPostgres<Pid>(
    adminUrl,
    "select pid from pg_stat_activity where usename = 'shop' order by pid",
  )
  const victim = pids[chance.number(pids.length)]
  if (!victim) throw new Error('nobody was connected')
  process.kill(victim.pid, 'SIGKILL')
  await untilAnswers(adminUrl)
}

async function terminateConnections({ adminUrl }: Ground, chance: Chance): Promise<void> {
  const share = chance.pick([0.3, 1])
  await askPostgres(
    adminUrl,
    `select pg_terminate_backend(pid) from pg_stat_activity where usename = 'shop' and random() < ${share}`,
  )
}

const locked = [
  'orders',
  'products',
  'outbox',
  'feed_chunks',
  'feed_state',
  'api_keys',
  'outbox_queues',
] as const

async function lockTable({ adminUrl }: Ground, chance: Chance): Promise<void> {
  const table = chance.pick(locked)
  const seconds = 0.7 + chance.number(800) / 1_000
  await askPostgres(
    adminUrl,
    `begin; lock table ${table} in access exclusive mode; select pg_sleep(${seconds}); commit`,
  )
}

async function setReadOnly({ adminUrl }: Ground, chance: Chance): Promise<void> {
  async function set(change: string) {
    await askPostgres(adminUrl, `alter system ${change}`)
    await askPostgres(adminUrl, 'select pg_reload_conf()')
  }
  await set('set default_transaction_read_only = on')
  await delay(300 + chance.number(500))
  await set('reset default_transaction_read_only')
}

/**
 * To the last byte: tables cannot grow, and when the log cannot either, Postgres panics and may not come up before
 * there is room. Where no disk of its own can be had, triggers say what a full disk says.
 */
async function fillDisk({ own, adminUrl }: Ground, chance: Chance): Promise<void> {
  if (own.hasOwnDisk) await own.fillDisk()
  else await askPostgres(adminUrl, pretendFull)
  await delay(500 + chance.number(800))
  if (own.hasOwnDisk) await own.clearDisk()
  else await askPostgres(adminUrl, 'drop function disk_is_full() cascade')
  await own.start()
  await untilAnswers(adminUrl)
}

const pretendFull = `
create function disk_is_full() returns trigger language plpgsql as $$
begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$;
create trigger disk_is_full before insert or update on products execute function disk_is_full();
create trigger disk_is_full before insert or update on orders execute function disk_is_full();
create trigger disk_is_full before insert or update on outbox execute function disk_is_full();
create trigger disk_is_full before insert or update on feed_chunks execute function disk_is_full();`

/** Takes every place that there is, then ends the servers' connections, so that they find none free. */
async function useUpConnections({ adminUrl }: Ground, chance: Chance): Promise<void> {
  const url = new URL(adminUrl)
  url.username = 'other'
  const hoarded: pg.Client[] = []
  const hoard = (): Promise<boolean> =>
    openClient(url.href).then(
      (client) => hoarded.push(client) > 0,
      () => false,
    )
  while (await hoard());
  await askPostgres(
    adminUrl,
    "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'shop'",
  )
  for (let more = 0; more < 10; more++) await Promise.all([hoard(), hoard(), hoard(), hoard()])
  await delay(400 + chance.number(600))
  await Promise.all(hoarded.map((client) => client.end()))
}

/** Goes on while other faults strike. */
function failKlaviyo(kind: FaultKind, share: number): Strike {
  return async ({ sandbox }, chance) => {
    const dice = createFaultInjector({ [kind]: share, seed: chance.number(1_000) })
    sandbox.state.dice = dice
    setTimeout(() => {
      if (sandbox.state.dice === dice) sandbox.state.dice = createFaultInjector()
    }, 800 + chance.number(1_200))
    await delay(200)
  }
}

async function untilAnswers(url: string): Promise<void> {
  const answers = () =>
    askPostgres(url, 'select 1').then(
      () => true,
      () => false,
    )
  const giveUpAt = Date.now() + 30_000
  while (!(await answers())) {
    if (Date.now() > giveUpAt) throw new Error('Postgres did not recover')
    await delay(50)
  }
}
