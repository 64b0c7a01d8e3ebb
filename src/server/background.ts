/** Background work: refreshes feeds as changes arrive, sends messages as they are written, runs maintenance. */
import type { Logger } from 'pino'
import { removeExpiredSessions } from '../console/sessions.ts'
import type { Connection } from '../db/connection.ts'
import { feedNames } from '../db/schema/feeds.ts'
import { type QueueName, queueNames } from '../db/schema/outbox.ts'
import type { FeedService } from '../feeds/feed-service.ts'
import { readFeedStatuses } from '../feeds/feed-status.ts'
import { removeOldPolls } from '../feeds/poll-log.ts'
import { removeOldChanges } from '../history/retention.ts'
import { removeExpiredImports } from '../import-export/stored-imports.ts'
import { type DrainOptions, drain } from '../klaviyo/sender/sender.ts'
import { type Loop, startLoop } from '../lib/loop.ts'
import { correctNextTries } from '../outbox/queue.ts'
import { purgePayloads } from '../outbox/retention.ts'

export type Worker = { stop: () => Promise<void> }

/** How often pending changes are polled for: behind a pooler no notification comes. */
const feedEveryMs = 1000
/** Between refreshes the machine belongs to the writers, most of the time; a poll does not wait for this. */
const feedPauseMs = 100
const feedIdleRatio = 9
const maintenanceEveryMs = 10 * 60_000
/** A server whose feeds are not polled has copies of this age at most when it loses the database. */
const loadEveryMs = 60_000
/** Until the first copies are loaded the server is not ready. */
const loadAgainMs = 1000
/** Well within the time after which others take over. */
const claimEveryMs = 5_000

export function startWorker(
  { db, listen }: Connection,
  feeds: FeedService,
  retentionMs: number,
  log: Logger,
): Worker {
  const feedLoops = feedNames.map((feed) =>
    startLoop(() => feeds.refresh(feed), {
      everyMs: feedEveryMs,
      pauseMs: feedPauseMs,
      idleRatio: feedIdleRatio,
      onError: (error) => log.warn({ err: error, feed }, 'a feed could not be refreshed'),
    }),
  )
  const maintenance = startLoop(() => runMaintenance(db, retentionMs, log), {
    everyMs: maintenanceEveryMs,
    pauseMs: 0,
    idleRatio: 0,
    onError: (error) => log.warn({ err: error }, 'maintenance failed'),
  })
  const claims = startLoop(claimLogged(feeds, log), {
    everyMs: claimEveryMs,
    pauseMs: 0,
    idleRatio: 0,
    onError: (error) => log.warn({ err: error }, 'who renders the feeds could not be read'),
  })
  const loading: Loop = startLoop(() => feeds.load(), {
    everyMs: loadEveryMs,
    pauseMs: loadAgainMs,
    idleRatio: feedIdleRatio,
    onError: (error) => {
      log.warn({ err: error }, 'feeds could not be loaded and are tried again')
      loading.wake()
    },
  })
  void wakeOnNotify(listen, 'feed_changes', () => feedLoops, log)

  return {
    async stop() {
      await Promise.all([...feedLoops, maintenance, claims, loading].map((loop) => loop.stop()))
    },
  }
}

/** Logs when servers that render otherwise take over, and when they no longer do. */
function claimLogged(feeds: FeedService, log: Logger): () => Promise<void> {
  let wasOurs = true
  return async () => {
    const isOurs = await feeds.claim()
    if (wasOurs && !isOurs)
      log.warn(
        'other servers render the feeds, of another release or with other settings; /readyz says which',
      )
    if (!wasOurs && isOurs) log.info('this server renders the feeds again')
    wasOurs = isOurs
  }
}

/** How often the outbox is polled: a notification only makes it sooner. */
const outboxEveryMs = 1000

/** `pushEveryMs` null sends in real time; otherwise everything that waits is sent at once, this often. */
export function startSender(
  { db, listen }: Connection,
  sending: Omit<DrainOptions, 'db'>,
  pushEveryMs: number | null,
): Worker {
  const { log } = sending
  const stopping = new AbortController()
  const loopOf = (queue: QueueName) =>
    startLoop(() => drain(queue, { db, ...sending }, stopping.signal), {
      everyMs: pushEveryMs ?? outboxEveryMs,
      pauseMs: 0,
      idleRatio: 0,
      onError: (error) => log.error({ err: error, queue }, 'sending failed and is tried again'),
    })
  const loops = queueNames.map((queue) => ({ queue, loop: loopOf(queue) }))
  // Of which queue the messages are; '' of any.
  const notified = (name: string) =>
    loops.filter(({ queue }) => name === '' || name === queue).map(({ loop }) => loop)
  if (pushEveryMs === null) void wakeOnNotify(listen, 'outbox', notified, log)
  return {
    async stop() {
      stopping.abort()
      await Promise.all(loops.map(({ loop }) => loop.stop()))
    },
  }
}

/** `loopsOf` says whom a payload wakes; '' all of them. */
async function wakeOnNotify(
  listen: Connection['listen'],
  channel: string,
  loopsOf: (payload: string) => Loop[],
  log: DrainOptions['log'],
): Promise<void> {
  try {
    const listens = await listen(channel, (payload) => {
      for (const loop of loopsOf(payload)) loop.wake()
    })
    if (!listens) log.info({ channel }, 'no notifications through a pooler: polling every second')
  } catch (error) {
    log.warn({ err: error, channel }, 'no notifications: polling every second')
  }
}

async function runMaintenance(
  db: Connection['db'],
  retentionMs: number,
  log: Logger,
): Promise<void> {
  await removeOldPolls(db)
  await removeExpiredSessions(db)
  while ((await removeOldChanges(db)) > 0);
  await removeExpiredImports(db)
  await correctNextTries(db)
  while ((await purgePayloads(db, retentionMs)) > 0);
  for (const { feed, warnings } of await readFeedStatuses(db)) {
    for (const warning of warnings) log.warn({ feed }, warning)
  }
}
