import { once } from 'node:events'
import { createAdaptorServer } from '@hono/node-server'
import { createSandbox, type Sandbox } from './sandbox.ts'
import type { SandboxOptions } from './state.ts'

export type RunningSandbox = Sandbox & {
  /** Without a trailing slash. */
  url: string
  /** Closes open connections, those of hung requests included. */
  stop: () => Promise<void>
}

/** Port 0 is any free one. Throws when the port is taken. */
export async function startSandbox({
  port,
  host = '127.0.0.1',
  ...options
}: SandboxOptions & { port: number; host?: string }): Promise<RunningSandbox> {
  const sandbox = createSandbox(options)
  const server = createAdaptorServer({
    // With its sockets, which faults close.
    fetch: (request, sockets) =>
      isOwnHost(request, host) ? sandbox.app.fetch(request, sockets) : rejectHost(request),
  })
  server.listen(port, host)
  await once(server, 'listening')
  const address = server.address()
  const listeningPort = typeof address === 'object' && address ? address.port : port
  return {
    ...sandbox,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${listeningPort}`,
    stop: async () => {
      const closed = once(server, 'close')
      server.close()
      if ('closeAllConnections' in server) server.closeAllConnections()
      await closed
    },
  }
}

const loopback = new Set(['localhost', '127.0.0.1', '[::1]'])

/** A page of another site, whose name is made to resolve to this machine (DNS rebinding), has that name as its host. */
function isOwnHost(request: Request, host: string): boolean {
  const { hostname } = new URL(request.url)
  return loopback.has(hostname) || hostname === host || hostname === `[${host}]`
}

function rejectHost(request: Request): Response {
  const { hostname } = new URL(request.url)
  return new Response(`The sandbox does not answer to the name ${hostname}. Use localhost.\n`, {
    status: 421,
  })
}
