/** Ports on loopback. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'

/** This machine by another address, for who comes from elsewhere; macOS has none unless it is set up. */
export const elsewhere = process.platform === 'darwin' ? undefined : '127.0.0.2'

/** On any free port, which it answers. */
export async function listenOnLoopback(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new Error('no port was given')
  return address.port
}

/** For a process that needs its port before it starts. */
export async function freePort(): Promise<number> {
  const probe = createServer()
  const port = await listenOnLoopback(probe)
  probe.close()
  await once(probe, 'close')
  return port
}
