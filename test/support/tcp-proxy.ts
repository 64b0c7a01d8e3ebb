/** A TCP proxy between a server and its Postgres that can disconnect or stall. */
import { connect as connectSocket, createServer, type Socket } from 'node:net'

export type TcpProxy = {
  port: number
  /** Resets all connections and accepts none. */
  disconnect: () => Promise<void>
  restore: () => Promise<void>
  /** Keeps connections open and accepts new ones, but forwards nothing until restored. */
  stall: () => void
}

export async function openTcpProxy(target: URL): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  let stalled = false
  const server = createServer((client) => {
    if (stalled) {
      sockets.add(client.on('error', () => undefined))
      return
    }
    const upstream = connectSocket(Number(target.port || 5432), target.hostname)
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => undefined))
    // pipe() forwards an end, but not an error.
    client.once('close', () => upstream.destroy())
    upstream.once('close', () => client.destroy())
    client.pipe(upstream).pipe(client)
  })
  const listen = (port: number) =>
    new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  await listen(0)
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  async function disconnect() {
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of sockets) socket.resetAndDestroy()
    sockets.clear()
    await closed
  }
  async function restore() {
    stalled = false
    if (server.listening) await disconnect()
    await listen(port)
  }
  function stall() {
    stalled = true
    for (const socket of sockets) socket.unpipe().pause()
  }
  return { port, disconnect, restore, stall }
}
