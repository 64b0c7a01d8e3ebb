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
  const server = createAdaptorServer({ fetch: sandbox.app.fetch })
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
