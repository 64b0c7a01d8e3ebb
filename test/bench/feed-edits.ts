/** Measuring freshness: from the commit of one edit to a poll that holds it. */
import { Agent, request } from 'node:http'
import { gunzipSync } from 'node:zlib'
import { sql } from 'drizzle-orm'
import type { FeedName } from '../../src/db/schema/feeds.ts'
import { slotOfHash } from '../../src/feeds/slots.ts'
import { median } from './table.ts'
import type { BenchServer, Workbench } from './workbench.ts'

/** Edits before the first that counts: a new process is slow. */
const warmUp = 60
const edits = 60
const parts = 64

export type Edit = {
  feed: FeedName
  /** The item that changes. */
  id: string
  hash: number
  /** Whether the item as JSON holds the edit. */
  isIn: (item: string) => boolean
}

/** Median milliseconds from the commit of `edit` to the poll that holds it. Polls the part that holds the item, as a reader of the whole catalog has its hands full with bytes. */
export async function measureEdits(
  { url }: BenchServer,
  edit: (round: number) => Promise<Edit>,
): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const times: number[] = []
  for (let round = 0; round < warmUp + edits; round++) {
    const { feed, id, hash, isIn } = await edit(round)
    const started = performance.now()
    const part = slotOfHash(hash, parts) + 1
    const answer = await get(agent, `${url}/feeds/${feed}.${part}-of-${parts}.json`)
    if (round >= warmUp) times.push(performance.now() - started)
    const text = gunzipSync(answer).toString()
    const item = text.split('\n').find((line) => line.includes(`"$id":"${id}"`))
    if (!item || !isIn(item)) throw new Error(`the poll after the edit of ${id} does not hold it`)
  }
  agent.destroy()
  return median(times)
}

/** Edits the price of another product each time. */
export const priceEdit =
  ({ db }: Workbench, products: number) =>
  async (round: number): Promise<Edit> => {
    const id = `p${1 + ((round * 7919) % products)}`
    const price = 1000 + round + 0.25
    const [row] = await db.execute<{ hash: number }>(
      sql`update products set price = ${price} where id = ${id} returning hash`,
    )
    const isIn = (item: string) => item.includes(`"price":${price}`)
    return { feed: 'products', id, hash: row?.hash ?? 0, isIn }
  }

/** As it is sent, by gzip. */
function get(agent: Agent, url: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    request(url, { agent, headers: { 'Accept-Encoding': 'gzip' } }, async (response) =>
      resolve(Buffer.concat(await response.toArray())),
    )
      .on('error', reject)
      .end()
  })
}
