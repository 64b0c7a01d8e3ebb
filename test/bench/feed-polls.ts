/** Measuring polls: whole answers and 304s, beside nginx on the same bytes and beside the plain way. */
import { gunzipSync } from 'node:zlib'
import { freePort } from '../support/loopback.ts'
import { startNginx } from './nginx.ts'
import { startPlain } from './plain.ts'
import { startPlain304 } from './plain-304.ts'
import { findProgram, load } from './processes.ts'
import { median, type Row, rowOf } from './table.ts'
import type { BenchServer, Workbench } from './workbench.ts'

const connections = 16
const seconds = 2
/** Ours and theirs in turn, as the machine is not equally fast all the time. */
const rounds = 5

type Rates = { whole: number; unchanged: number }

export async function measurePolls(
  bench: Workbench,
  server: BenchServer,
  products: number,
): Promise<Row[]> {
  const [wrk, nginx] = await Promise.all([findProgram('wrk'), findProgram('nginx')])
  if (!wrk) return [skipped('polls', 'wrk is not installed')]
  const url = `${server.url}/feeds/products.json`
  const peer = nginx ? await startNginx(nginx, bench.folder, ...(await feedOf(url))) : undefined
  try {
    await pollBoth(wrk, url)
    const [ours, theirs]: [Rates[], Rates[]] = [[], []]
    for (let round = 0; round < rounds; round++) {
      ours.push(await pollBoth(wrk, url))
      if (peer) theirs.push(await pollBoth(wrk, peer.url))
    }
    const whole = median(ours.map((one) => one.whole))
    return [
      ...(peer
        ? besideNginx(ours, theirs, products)
        : [skipped('polls', 'nginx is not installed')]),
      await besidePlain(bench, whole),
      await besidePlain304(wrk, bench),
    ]
  } finally {
    await peer?.stop()
  }
}

function besideNginx(ours: Rates[], theirs: Rates[], products: number): Row[] {
  const row = (what: string, rate: (of: Rates) => number, target: string) =>
    rowOf(what, median(ours.map(rate)), median(theirs.map(rate)), target)
  return [
    row(
      `poll, gzip, ${connections} connections, requests/s (nginx gzip_static)`,
      ({ whole }) => whole,
      products < 100_000 ? '>= 1.0' : '>= 1.5',
    ),
    row(`304, ${connections} connections, requests/s (nginx)`, (of) => of.unchanged, '>= 0.4'),
  ]
}

async function feedOf(url: string): Promise<[text: Buffer, gzipped: Buffer]> {
  const response = await fetch(url, { headers: { 'Accept-Encoding': 'gzip' } })
  const text = Buffer.from(await response.arrayBuffer())
  // fetch has inflated it already; the bytes as sent come by a plain request.
  const gzipped = await rawBody(url)
  if (!gunzipSync(gzipped).equals(text)) throw new Error('the feed changed between two polls')
  return [text, gzipped]
}

async function rawBody(url: string): Promise<Buffer> {
  const { request } = await import('node:http')
  return new Promise((resolve, reject) => {
    request(url, { headers: { 'Accept-Encoding': 'gzip' } }, async (response) =>
      resolve(Buffer.concat(await response.toArray())),
    )
      .on('error', reject)
      .end()
  })
}

async function pollBoth(wrk: string, url: string): Promise<Rates> {
  const gzip = { 'Accept-Encoding': 'gzip' }
  const { headers } = await fetch(url, { method: 'HEAD', headers: gzip })
  const unchanged = { ...gzip, 'If-None-Match': headers.get('ETag') ?? '' }
  return {
    whole: await load(wrk, url, { seconds, connections, headers: gzip }),
    unchanged: await load(wrk, url, { seconds, connections, headers: unchanged }),
  }
}

/** Of the plain way a few requests one after another are enough: each takes seconds. */
async function besidePlain({ db }: Workbench, ours: number): Promise<Row> {
  const plain = await startPlain(db, await freePort())
  try {
    const started = performance.now()
    const requests = 3
    for (let made = 0; made < requests; made++) await (await fetch(plain.url)).arrayBuffer()
    const theirs = requests / ((performance.now() - started) / 1000)
    return rowOf('poll, gzip, requests/s (a route that selects everything)', ours, theirs, '')
  } finally {
    await plain.stop()
  }
}

/** Ours with a key, as Klaviyo polls, and with its ETag. */
async function besidePlain304(wrk: string, { startServer }: Workbench): Promise<Row> {
  const [server, plain] = await Promise.all([
    startServer({ FEEDS_PUBLIC: 'false' }),
    startPlain304(),
  ])
  try {
    const gzip = { 'Accept-Encoding': 'gzip' }
    const ownUrl = `${server.url}/feeds/products.json?key=${server.key}`
    const { headers } = await fetch(ownUrl, { method: 'HEAD', headers: gzip })
    const asked = { ...gzip, 'If-None-Match': headers.get('ETag') ?? '' }
    const [ours, theirs]: [number[], number[]] = [[], []]
    for (let round = 0; round < rounds; round++) {
      ours.push(await load(wrk, ownUrl, { seconds, connections, headers: asked }))
      theirs.push(await load(wrk, plain.url, { seconds, connections, headers: asked }))
    }
    const what = `304 with a key, ${connections} connections, requests/s (node:http without logic)`
    return rowOf(what, median(ours), median(theirs), '>= 0.45')
  } finally {
    await Promise.all([server.stop(), plain.stop()])
  }
}

const skipped = (what: string, why: string): Row => ({
  what,
  ours: `skipped: ${why}`,
  peer: '',
  ratio: null,
  target: '',
})
