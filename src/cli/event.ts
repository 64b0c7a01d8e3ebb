/** `storefeed event`: shows what an order sends, by each API, without sending it. */
import type { Command } from 'commander'
import type { Config } from '../config.ts'
import { isErased } from '../customers/erasure.ts'
import type { Database } from '../db/connection.ts'
import { klaviyoApis } from '../klaviyo/sender/klaviyo.ts'
import { prepareEvents } from '../klaviyo/sender/prepare-messages.ts'
import { AppError } from '../lib/errors.ts'
import { messagesOfOrder } from '../outbox/claim.ts'
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
  const shown = new Map<number, object>(
    group.messages.map(({ id, metric, unique_id }) => [id, { metric, unique_id }]),
  )
  const show = (id: number, more: object) => shown.set(id, { ...shown.get(id), ...more })
  for (const [name, { readKey, transport }] of Object.entries(klaviyoApis)) {
    const { body: bodyOf } = transport(readKey(klaviyo) ?? 'PUBLIC_API_KEY').event
    const { messages, unsendable } = await prepareEvents(db, [group], klaviyo.metricNames, bodyOf)
    for (const { id, error } of unsendable) show(id, { unsendable: error })
    for (const { id, body, warnings } of messages) show(id, { warnings, [name]: JSON.parse(body) })
  }
  return [...shown.values()]
}
