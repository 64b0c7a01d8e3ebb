import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'

/** A load balancer that is short of CPU notices late, so so many checks in a row must have seen no request. */
const idleChecks = 10
const checkIntervalMs = 50
/** Clients that know no other server are not waited for any longer. */
const maxIdleWaitMs = 10_000
/** How long requests in flight may take to finish. */
const drainMs = 10_000
/** A response that began before the shutdown leaves its connection open. */
const sweepMs = 50

/** Serves on for `graceMs` and until traffic stops, then finishes requests in flight. With `graceMs` 0 only the latter. */
export async function shutdown(server: Server, graceMs: number): Promise<void> {
  if (graceMs > 0) await waitUntilIdle(server, graceMs)
  await drain(server)
}

/**
 * Counts checks, not time: a process that got no CPU for a while would take its own pause for silence. A client that
 * waits for a response may send another request after it, so it keeps the server busy too.
 */
async function waitUntilIdle(server: Server, graceMs: number): Promise<void> {
  const unfinished = new Set<ServerResponse>()
  let idle = 0
  function onRequest({ url = '' }: IncomingMessage, response: ServerResponse) {
    if (isProbe(url)) return
    idle = 0
    unfinished.add(response)
    response.once('close', () => unfinished.delete(response))
  }
  server.on('request', onRequest)
  const earliest = performance.now() + graceMs
  const latest = earliest + maxIdleWaitMs
  do {
    await delay(checkIntervalMs)
    // Requests that arrived meanwhile are read before this continues.
    await nextTurn()
    const isAwaited = [...unfinished].some(({ headersSent }) => !headersSent)
    idle = isAwaited ? 0 : idle + 1
  } while (performance.now() < (idle < idleChecks ? latest : earliest))
  server.off('request', onRequest)
}

/** Load balancers keep sending these. */
const isProbe = (url: string) => /^\/(healthz|readyz)\b/.test(url)

/**
 * Closes connections as they become idle. Only now are they closed behind responses: while a load balancer still sends,
 * each would have to be opened again, and Node accepts one per turn of the event loop.
 */
async function drain(server: Server): Promise<void> {
  server.prependListener('request', (_, response) => response.setHeader('Connection', 'close'))
  const closed = new Promise((resolve) => server.close(resolve))
  const sweep = setInterval(() => server.closeIdleConnections(), sweepMs)
  const timer = setTimeout(() => server.closeAllConnections(), drainMs)
  await closed
  clearInterval(sweep)
  clearTimeout(timer)
}
