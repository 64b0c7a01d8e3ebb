/** `storefeed event`: shows what an order sends, by each API, without sending it. */
import type { Command } from 'commander'
import type { Config } from '../config.ts'
import { isErased } from '../customers/erasure.ts'
import { type Database, snapshot } from '../db/connection.ts'
import { klaviyoApis } from '../klaviyo/sender/klaviyo.ts'
import { prepareEvents } from '../klaviyo/sender/prepare-messages.ts'
import { AppError } from '../lib/errors.ts'
import { messagesOfOrder } from '../outbox/claim.ts'
import type { MessageRecord } from '../outbox/event-schemas.ts'
import { listMessages } from '../outbox/messages.ts'
import { withDatabase } from './open-database.ts'
import { print } from './terminal.ts'

export function eventCommand(program: Command, readConfig: () => Config): void {
  program
    .command('event <order>')
    .description('Show the JSON that an order sends, by the Events API and by the Track API')
    .action(async (order: string) => {
      const config = readConfig()
      await withDatabase(config, async (db) => {
        print(JSON.stringify(await readEvents(db, config, order), null, 2))
      })
    })
}

async function readEvents(db: Database, { klaviyo }: Config, orderId: string) {
  if (await isErased(db, orderId))
    throw new AppError(
      'conflict',
      `The customer of order "${orderId}" was erased: nothing more is sent for it.`,
    )
  const group = await messagesOfOrder(db, orderId)
  if (group.messages.length === 0)
    throw new AppError('not_found', `There is no order "${orderId}", or it has no messages yet.`)
  const { messages: records } = await listMessages(
    db,
    { order_id: orderId },
    { limit: group.messages.length },
  )
  const shown = new Map<number, object>(
    records.reverse().map((record) => [record.id, summarize(record)]),
  )
  const show = (id: number, more: object) => shown.set(id, { ...shown.get(id), ...more })
  for (const [name, { readKey, transport }] of Object.entries(klaviyoApis)) {
    const { body: bodyOf } = transport(readKey(klaviyo) ?? 'PUBLIC_API_KEY').event
    const { messages, setAside } = await snapshot(db, (tx) =>
      prepareEvents(tx, { groups: [group], records: null }, klaviyo.metricNames, bodyOf),
    )
    for (const { id, status, error } of setAside) show(id, { [status]: error })
    for (const { id, body, warnings } of messages) show(id, { warnings, [name]: JSON.parse(body) })
  }
  return [...shown.values()]
}

/** What a pending message waits for is why it was not sent. */
function summarize(record: MessageRecord): object {
  const { metric, unique_id, status, error, next_at, paused_until, pause_reason } = record
  const waits = status === 'pending' && { next_at: paused_until ?? next_at }
  const reason = pause_reason ?? error
  return { metric, unique_id, status, ...waits, ...(reason !== null && { reason }) }
}
