/** In charge of a small balancer: it asks servers whether they are ready, sends requests to those that are, and repeats none. */
import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { codeOf } from '../../src/lib/system-error.ts'
import { listenOnLoopback } from '../support/loopback.ts'
import { exchange } from './exchange.ts'

export type Balancer = {
  url: string
  /** Resolves once it has been found ready. */
  add: (server: string) => Promise<void>
  /** What became of requests that no server answered. */
  failures: string[]
  stop: () => Promise<void>
}

type Backend = { url: string; ready: boolean; checking?: Promise<void> | undefined }

const checkEveryMs = 100

export async function startBalancer(): Promise<Balancer> {
  let backends: Backend[] = []
  const failures: string[] = []
  // As every balancer must, it drops idle connections before the server does.
  const agent = new Agent({ keepAlive: true, timeout: 3_000 })
  let turn = 0

  async function check(backend: Backend) {
    const answer = await exchange(`${backend.url}/readyz`, { timeoutMs: 2_000 }).catch(codeOf)
    if (answer === 'ECONNREFUSED') backends = backends.filter((other) => other !== backend)
    // One that is only late stays what it was: to send all to its neighbour would not help.
    if (typeof answer !== 'string') backend.ready = answer.status === 200
  }
  const timer = setInterval(() => {
    for (const backend of backends) {
      backend.checking ??= check(backend).finally(() => {
        backend.checking = undefined
      })
    }
  }, checkEveryMs)

  const server = createServer((asked, answer) => {
    const ready = backends.filter((backend) => backend.ready)
    const backend = ready[turn++ % ready.length]
    const fail = (why: string) => {
      failures.push(`${asked.method} ${asked.url}: ${why}`)
      if (!answer.headersSent) answer.writeHead(502)
      answer.end()
    }
    if (backend) forward(asked, answer, new URL(asked.url ?? '/', backend.url), agent, fail)
    else fail('no server was ready')
  })
  // As every server must, it keeps idle connections longer than its clients do: these keep them while they ask.
  server.keepAliveTimeout = 600_000
  const port = await listenOnLoopback(server)
  return {
    url: `http://127.0.0.1:${port}`,
    failures,
    async add(url) {
      const backend: Backend = { url, ready: false }
      while (!backend.ready) await check(backend)
      backends.push(backend)
    },
    async stop() {
      clearInterval(timer)
      agent.destroy()
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

function forward(
  asked: IncomingMessage,
  answer: ServerResponse,
  url: URL,
  agent: Agent,
  fail: (why: string) => void,
): void {
  const { method, headers } = asked
  const onward = request(url, { method, headers, agent })
  onward.once('error', (error) => fail(error.message))
  onward.once('response', (response) => {
    response.once('error', (error) => fail(error.message))
    // Connections to servers are the balancer's own affair.
    const { connection, 'keep-alive': keepAlive, ...handedOn } = response.headers
    answer.writeHead(response.statusCode ?? 502, handedOn)
    response.pipe(answer)
  })
  asked.pipe(onward)
}
