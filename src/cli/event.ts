/** In charge of `storefeed event`: shows what an order sends, by both APIs, without sending it. */
import type { Command } from 'commander'
import type { Config } from '../config.ts'
import { isErased } from '../customers/erasure.ts'
import type { Database } from '../db/connection.ts'
import { prepareEvents } from '../klaviyo/sender/prepare-messages.ts'
import { eventsTransport, trackTransport } from '../klaviyo/sender/transport.ts'
import { AppError } from '../lib/errors.ts'
import { messagesOfOrder } from '../outbox/outbox.ts'
import { print } from './terminal.ts'
import { withDatabase } from './with-database.ts'

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
      `The customer of the order "${orderId}" was erased: it sends nothing more.`,
    )
  const run = await messagesOfOrder(db, orderId)
  if (run.messages.length === 0)
    throw new AppError('not_found', `There is no order "${orderId}", or it has no messages yet.`)
  const track = trackTransport(klaviyo.publicKey ?? 'PUBLIC_API_KEY')
  const pack = (write: typeof track.event.body) =>
    prepareEvents(db, [run], klaviyo.metricNames, write)
  const events = await pack(eventsTransport.event.body)
  const tracked = await pack(track.event.body)
  return run.messages.map(({ id, metric, unique_id }) => {
    const asEvent = events.parcels.find((parcel) => parcel.id === id)
    const asTrack = tracked.parcels.find((parcel) => parcel.id === id)
    const unsendable = events.unsendable.find((outcome) => outcome.id === id)
    return {
      metric,
      unique_id,
      ...(unsendable && 'error' in unsendable && { unsendable: unsendable.error }),
      ...(asEvent && { warnings: asEvent.warnings, events: JSON.parse(asEvent.body) }),
      ...(asTrack && { track: JSON.parse(asTrack.body) }),
    }
  })
}
