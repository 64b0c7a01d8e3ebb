/** Measuring freshness: from the commit of one edit to a poll that holds it. */
import { Agent, request } from 'node:http'
import { gunzipSync } from 'node:zlib'
import { sql } from 'drizzle-orm'
import { slotOfHash } from '../../src/feeds/slots.ts'
import { median } from './table.ts'
import type { BenchServer, Workbench } from './workbench.ts'

/** Edits before the first that counts: a new process is slow. */
const warmUp = 60
const edits = 60
const parts = 64

/** Median milliseconds. Polls the part that holds the product, as a reader of the whole catalog has its hands full with bytes. */
export async function measureEdit(
  { db }: Workbench,
  server: BenchServer,
  products: number,
): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const times: number[] = []
  for (let edit = 0; edit < warmUp + edits; edit++) {
    const id = `p${1 + ((edit * 7919) % products)}`
    const price = 1000 + edit + 0.25
    const [row] = await db.execute<{ hash: number }>(
      sql`update products set price = ${price} where id = ${id} returning hash`,
    )
    const started = performance.now()
    const part = slotOfHash(row?.hash ?? 0, parts) + 1
    const answer = await get(agent, `${server.url}/feeds/products.${part}-of-${parts}.json`)
    if (edit >= warmUp) times.push(performance.now() - started)
    const text = gunzipSync(answer).toString()
    const item = text.split('\n').find((line) => line.includes(`"$id":"${id}"`))
    if (!item?.includes(`"price":${price}`))
      throw new Error(`the poll after the edit of ${id} does not hold it: ${item}`)
  }
  agent.destroy()
  return median(times)
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
