/** In charge of polling through a storm: every answer must be whole, of one moment, and, when it says fresh, hold all that was acknowledged before. */
import { setTimeout as delay } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { type ReadItem, readJson, readXml } from '../feeds/strict-parsers.ts'
import { ask } from './ask.ts'
import type { Exchanged } from './exchange.ts'
import type { Supervised } from './supervised.ts'
import type { Field } from './writers.ts'

const pauseMs = 60

type Poll = { feed: 'products' | 'stores'; format: 'json' | 'xml'; gzip: boolean }

const whole: Poll = { feed: 'products', format: 'json', gzip: true }
const polls: Poll[] = (['products', 'stores'] as const).flatMap((feed) =>
  (['json', 'xml'] as const).flatMap((format) => [
    { feed, format, gzip: true },
    { feed, format, gzip: false },
  ]),
)

export function startPollers(field: Field): Promise<unknown> {
  return Promise.all([0, 1, 2, 3].map((start) => keepPolling(field, start)))
}

/** What one life of a server has shown: it must never come back with less. */
type Known = { served: Set<string>; etags: Map<string, string> }

async function keepPolling(field: Field, start: number): Promise<void> {
  const { servers, ledger, signal } = field
  const known = new Map<string, Known>()
  for (let turn = start; !signal.aborted; turn++) {
    const server = servers[turn % 2 === 0 ? 0 : 1]
    const poll = polls[Math.floor(turn / 2) % polls.length]
    const life = server.life()
    const shown = known.get(`${server.url} ${life}`) ?? { served: new Set(), etags: new Map() }
    if (life > 0) known.set(`${server.url} ${life}`, shown)
    await pollOnce(field, server, poll ?? whole, shown, turn % 3 === 0).catch((error: Error) => {
      ledger.wrong.push(
        `${new Date().toISOString()} ${server.url} ${JSON.stringify(poll)}: ${error.message}`,
      )
    })
    await delay(pauseMs)
  }
}

async function pollOnce(
  { key, ledger }: Field,
  server: Supervised,
  poll: Poll,
  { served, etags }: Known,
  conditionally: boolean,
): Promise<void> {
  const name = `${poll.feed}.${poll.format}`
  const kind = JSON.stringify(poll)
  const etag = conditionally ? etags.get(kind) : undefined
  const condition = etag === undefined ? {} : { 'If-None-Match': etag }
  const headers = { 'Accept-Encoding': poll.gzip ? 'gzip' : 'identity', ...condition }
  const before = new Map([...ledger.products].map(([id, { acknowledged }]) => [id, acknowledged]))
  const answer = await ask(server, `/feeds/${name}?key=${key}`, { headers })
  if (!answer) return
  ledger.counts.polls++
  ledger.slowestMs.poll = Math.max(ledger.slowestMs.poll, answer.ms)
  if (answer.status === 304 && etag) return void ledger.counts.unchanged++
  const hasNone = answer.status === 503 && answer.headers['retry-after'] && !served.has(name)
  if (hasNone) return
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.body}`)
  served.add(name)
  etags.set(kind, String(answer.headers.etag))
  if (answer.headers['x-feed-state'] === 'stale') ledger.counts.stale++
  checkFeed(poll, answer, before)
}

/** Throws when it is not whole, when an item is of two moments, or when a fresh feed lacks what it must hold. */
function checkFeed({ feed, format, gzip }: Poll, answer: Exchanged, before: Map<string, number>) {
  if ((answer.headers['content-encoding'] === 'gzip') !== gzip) throw new Error('other encoding')
  const text = (gzip ? gunzipSync(answer.body) : answer.body).toString()
  const items = format === 'json' ? readJson(text).map(plain) : readXml(feed, text)
  const announced = Number(answer.headers['x-feed-items'])
  if (items.length !== announced)
    throw new Error(`${items.length} items came where ${announced} were announced`)
  const numbers = new Map(items.map((item) => [item.id, numberOf(item, feed)]))
  if (numbers.size !== items.length) throw new Error('an item is there twice')
  if (feed === 'stores' || answer.headers['x-feed-state'] !== 'fresh') return
  for (const [id, acknowledged] of before) {
    const found = numbers.get(id) ?? 0
    if (found < acknowledged)
      throw new Error(
        `a fresh feed, version ${answer.headers['x-feed-version']}, has ${id} v${found}, and v${acknowledged} was acknowledged`,
      )
  }
}

type PlainItem = Record<string, string>

const plain = (item: ReadItem): PlainItem =>
  Object.fromEntries(
    Object.entries(item).map(([name, value]) => [name.replace('$', ''), `${value}`]),
  )

function numberOf({ id, title, description, price }: PlainItem, feed: Poll['feed']): number {
  if (feed === 'stores') return 0
  if (title !== description || title !== `${id} v${price}`)
    throw new Error(`an item is of two moments: ${id}, ${title}, ${description}, ${price}`)
  return Number(price)
}
