/** Polls feeds while faults are injected: each response must be whole, a consistent snapshot and, when fresh, include all earlier acknowledged writes. */
import { setTimeout as delay } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { type ReadItem, readJson, readXml } from '../feeds/strict-parsers.ts'
import { type HttpResponse, requestServer } from './http-client.ts'
import type { SupervisedServer } from './supervisor.ts'
import type { Workload } from './writers.ts'

const pauseMs = 60

type Poll = { feed: 'products' | 'stores'; format: 'json' | 'xml'; gzip: boolean }

const defaultPoll: Poll = { feed: 'products', format: 'json', gzip: true }
const polls: Poll[] = (['products', 'stores'] as const).flatMap((feed) =>
  (['json', 'xml'] as const).flatMap((format) => [
    { feed, format, gzip: true },
    { feed, format, gzip: false },
  ]),
)

export function startPollers(workload: Workload): Promise<unknown> {
  return Promise.all([0, 1, 2, 3].map((start) => keepPolling(workload, start)))
}

/** What one server process has served: from then on it must not answer 503. */
type Served = { feeds: Set<string>; etags: Map<string, string> }

async function keepPolling(workload: Workload, start: number): Promise<void> {
  const { servers, writeLog, signal } = workload
  const servedBy = new Map<string, Served>()
  for (let turn = start; !signal.aborted; turn++) {
    const server = servers[turn % 2 === 0 ? 0 : 1]
    const poll = polls[Math.floor(turn / 2) % polls.length]
    const generation = server.generation()
    const process = `${server.url} ${generation}`
    const served = servedBy.get(process) ?? { feeds: new Set(), etags: new Map() }
    if (generation > 0) servedBy.set(process, served)
    await pollOnce(workload, server, poll ?? defaultPoll, served, turn % 3 === 0).catch(
      (error: Error) => {
        writeLog.wrong.push(
          `${new Date().toISOString()} ${server.url} ${JSON.stringify(poll)}: ${error.message}`,
        )
      },
    )
    await delay(pauseMs)
  }
}

async function pollOnce(
  { key, writeLog }: Workload,
  server: SupervisedServer,
  poll: Poll,
  { feeds, etags }: Served,
  conditional: boolean,
): Promise<void> {
  const name = `${poll.feed}.${poll.format}`
  const etagKey = JSON.stringify(poll)
  const etag = conditional ? etags.get(etagKey) : undefined
  const condition = etag === undefined ? {} : { 'If-None-Match': etag }
  const headers = { 'Accept-Encoding': poll.gzip ? 'gzip' : 'identity', ...condition }
  const before = new Map([...writeLog.products].map(([id, { acknowledged }]) => [id, acknowledged]))
  const response = await requestServer(server, `/feeds/${name}?key=${key}`, { headers })
  if (!response) return
  writeLog.counts.polls++
  writeLog.slowestMs.poll = Math.max(writeLog.slowestMs.poll, response.ms)
  if (response.status === 304 && etag) return void writeLog.counts.unchanged++
  const isNotReady = response.status === 503 && response.headers['retry-after'] && !feeds.has(name)
  if (isNotReady) return
  if (response.status !== 200) throw new Error(`${response.status} ${response.body}`)
  feeds.add(name)
  etags.set(etagKey, String(response.headers.etag))
  if (response.headers['x-feed-state'] === 'stale') writeLog.counts.stale++
  checkFeed(poll, response, before)
}

/** Throws when it is not whole or not a consistent snapshot, or when a fresh feed lacks an acknowledged write. */
function checkFeed(
  { feed, format, gzip }: Poll,
  response: HttpResponse,
  before: Map<string, number>,
) {
  if ((response.headers['content-encoding'] === 'gzip') !== gzip) throw new Error('wrong encoding')
  const text = (gzip ? gunzipSync(response.body) : response.body).toString()
  const items = format === 'json' ? readJson(text).map(plain) : readXml(feed, text)
  const declared = Number(response.headers['x-feed-items'])
  if (items.length !== declared)
    throw new Error(`the feed has ${items.length} items, but X-Feed-Items is ${declared}`)
  const versions = new Map(items.map((item) => [item.id, versionOf(item, feed)]))
  if (versions.size !== items.length) throw new Error('the feed has an item twice')
  if (feed === 'stores' || response.headers['x-feed-state'] !== 'fresh') return
  for (const [id, acknowledged] of before) {
    const found = versions.get(id) ?? 0
    if (found < acknowledged)
      throw new Error(
        `a fresh feed (version ${response.headers['x-feed-version']}) has ${id} v${found}, but v${acknowledged} was acknowledged`,
      )
  }
}

type PlainItem = Record<string, string>

const plain = (item: ReadItem): PlainItem =>
  Object.fromEntries(
    Object.entries(item).map(([name, value]) => [name.replace('$', ''), `${value}`]),
  )

function versionOf({ id, title, description, price }: PlainItem, feed: Poll['feed']): number {
  if (feed === 'stores') return 0
  if (title !== description || title !== `${id} v${price}`)
    throw new Error(`an item mixes two versions: ${id}, ${title}, ${description}, ${price}`)
  return Number(price)
}
