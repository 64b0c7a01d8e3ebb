/** A small load balancer: checks readiness, distributes requests over ready servers, retries none. */
import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { codeOf } from '../../src/lib/system-error.ts'
import { listenOnLoopback } from '../support/loopback.ts'
import { sendRequest } from './http-client.ts'

export type Balancer = {
  url: string
  /** Resolves once the server is ready. */
  add: (server: string) => Promise<void>
  /** Requests that no server answered, each with its error. */
  failures: string[]
  stop: () => Promise<void>
}

type Backend = { url: string; ready: boolean; checking?: Promise<void> | undefined }

const checkEveryMs = 100

export async function startBalancer(): Promise<Balancer> {
  let backends: Backend[] = []
  const failures: string[] = []
  // A load balancer must close idle connections before the server does.
  const agent = new Agent({ keepAlive: true, timeout: 3_000 })
  let turn = 0

  async function check(backend: Backend) {
    const response = await sendRequest(`${backend.url}/readyz`, { timeoutMs: 2_000 }).catch(codeOf)
    if (response === 'ECONNREFUSED') backends = backends.filter((other) => other !== backend)
    // A timed-out check changes nothing: sending all requests to the other server would not help.
    if (typeof response !== 'string') backend.ready = response.status === 200
  }
  const timer = setInterval(() => {
    for (const backend of backends) {
      backend.checking ??= check(backend).finally(() => {
        backend.checking = undefined
      })
    }
  }, checkEveryMs)

  const server = createServer((incoming, response) => {
    const ready = backends.filter((backend) => backend.ready)
    const backend = ready[turn++ % ready.length]
    const fail = (reason: string) => {
      failures.push(`${incoming.method} ${incoming.url}: ${reason}`)
      if (!response.headersSent) response.writeHead(502)
      response.end()
    }
    if (backend) forward(incoming, response, new URL(incoming.url ?? '/', backend.url), agent, fail)
    else fail('no server was ready')
  })
  // A server must keep idle connections longer than its clients do; these keep them for the whole test.
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
  incoming: IncomingMessage,
  response: ServerResponse,
  url: URL,
  agent: Agent,
  fail: (reason: string) => void,
): void {
  const { method, headers } = incoming
  const outgoing = request(url, { method, headers, agent })
  outgoing.once('error', (error) => fail(error.message))
  outgoing.once('response', (upstream) => {
    upstream.once('error', (error) => fail(error.message))
    // Hop-by-hop headers are not forwarded.
    const { connection, 'keep-alive': keepAlive, ...forwarded } = upstream.headers
    response.writeHead(upstream.statusCode ?? 502, forwarded)
    upstream.pipe(response)
  })
  incoming.pipe(outgoing)
}
