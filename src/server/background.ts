/** In charge of the background: refreshes feeds as notes arrive, sends messages as they are written, and keeps house. */
import type { Logger } from 'pino'
import type { Connection } from '../db/connection.ts'
import { feedNames } from '../db/schema/feeds.ts'
import { queueNames } from '../db/schema/outbox.ts'
import type { FeedService } from '../feeds/feed-service.ts'
import { readFeedStatuses } from '../feeds/feed-status.ts'
import { removeOldPolls } from '../feeds/poll-log.ts'
import { type DrainOptions, drain } from '../klaviyo/sender/sender.ts'
import { type Loop, startLoop } from '../lib/loop.ts'
import { purgePayloads } from '../outbox/retention.ts'

export type Worker = { stop: () => Promise<void> }

/** Notes are looked for this often when no notification comes, as behind a pooler. */
const feedEveryMs = 1000
/** Between two refreshes writers have the machine for themselves, most of the time; a poll does not wait for this. */
const feedPauseMs = 100
const feedRestRatio = 9
const upkeepEveryMs = 10 * 60_000

export function startWorker(
  { db, listen }: Connection,
  feeds: FeedService,
  retentionDays: number,
  log: Logger,
): Worker {
  const feedLoops = feedNames.map((feed) =>
    startLoop(() => feeds.refresh(feed), {
      everyMs: feedEveryMs,
      pauseMs: feedPauseMs,
      idleRatio: feedRestRatio,
      onError: (error) => log.warn({ err: error, feed }, 'a feed could not be refreshed'),
    }),
  )
  const upkeep = startLoop(() => runMaintenance(db, retentionDays, log), {
    everyMs: upkeepEveryMs,
    pauseMs: 0,
    idleRatio: 0,
    onError: (error) => log.warn({ err: error }, 'the upkeep failed'),
  })
  void wakeOnNotify(listen, 'feed_changes', feedLoops, log)

  return {
    async stop() {
      await Promise.all([...feedLoops, upkeep].map((loop) => loop.stop()))
    },
  }
}

/** The outbox is looked at this often when no notification comes: polling is the truth. */
const outboxEveryMs = 1000

/** `pushEveryMs` null sends in real time; else all that waits is sent in one go, this often. */
export function startSender(
  { db, listen }: Connection,
  sending: Omit<DrainOptions, 'db'>,
  pushEveryMs: number | null,
): Worker {
  const { log } = sending
  const stopping = new AbortController()
  const loops = queueNames.map((queue) =>
    startLoop(() => drain(queue, { db, ...sending }, stopping.signal), {
      everyMs: pushEveryMs ?? outboxEveryMs,
      pauseMs: 0,
      idleRatio: 0,
      onError: (error) => log.error({ err: error, queue }, 'sending failed and is tried again'),
    }),
  )
  if (pushEveryMs === null) {
    void wakeOnNotify(listen, 'outbox', loops, log)
  }
  return {
    async stop() {
      stopping.abort()
      await Promise.all(loops.map((loop) => loop.stop()))
    },
  }
}

async function wakeOnNotify(
  listen: Connection['listen'],
  channel: string,
  loops: Loop[],
  log: DrainOptions['log'],
): Promise<void> {
  try {
    const listens = await listen(channel, () => {
      for (const loop of loops) loop.wake()
    })
    if (!listens) log.info({ channel }, 'no notifications through a pooler: asked for every second')
  } catch (error) {
    log.warn({ err: error, channel }, 'no notifications: asked for every second')
  }
}

async function runMaintenance(
  db: Connection['db'],
  retentionDays: number,
  log: Logger,
): Promise<void> {
  await removeOldPolls(db)
  while ((await purgePayloads(db, retentionDays)) > 0);
  for (const { feed, warnings } of await readFeedStatuses(db)) {
    for (const warning of warnings) log.warn({ feed }, warning)
  }
}
