/** In charge of how a server leaves: it goes on answering until nobody sends it anything more, then lets go of its connections. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'

/** A balancer that is short of processor time notices late, so a server leaves once so many looks in a row found that it was asked nothing. */
const quietChecks = 10
const quietCheckMs = 50
/** Whoever asks this server and no other is not waited for any longer. */
const mostPatienceMs = 10_000
/** How long answers under way may take to end. */
const drainMs = 10_000
/** An answer that began before the stop leaves its connection open. */
const sweepMs = 50

/** With `graceMs` 0 it is waited for nothing but the answers under way. */
export async function shutdown(server: Server, graceMs: number): Promise<void> {
  if (graceMs > 0) await waitUntilIdle(server, graceMs)
  await drain(server)
}

/**
 * Looks are counted, not time: a process that got no processor time for a while knows nothing of it. Whoever waits for
 * an answer will ask again after it.
 */
async function waitUntilIdle(server: Server, graceMs: number): Promise<void> {
  const unanswered = new Set<ServerResponse>()
  let quiet = 0
  function note({ url = '' }: IncomingMessage, response: ServerResponse) {
    if (isProbe(url)) return
    quiet = 0
    unanswered.add(response)
    response.once('close', () => unanswered.delete(response))
  }
  server.on('request', note)
  const earliest = performance.now() + graceMs
  const latest = earliest + mostPatienceMs
  do {
    await sleep(quietCheckMs)
    // What came meanwhile is read before this goes on.
    await turn()
    const isWaitedFor = [...unanswered].some(({ headersSent }) => !headersSent)
    quiet = isWaitedFor ? 0 : quiet + 1
  } while (performance.now() < (quiet < quietChecks ? latest : earliest))
  server.off('request', note)
}

/** Balancers go on asking how a server is. */
const isProbe = (url: string) => /^\/(healthz|readyz)\b/.test(url)

/**
 * Idle connections are closed as soon as they are; who is being answered gets the answer, within reason. Only now are
 * connections closed behind answers: while a balancer still sends, each would have to be made anew, and node accepts one a turn.
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
