/** In charge of a wire between a server and its Postgres that can be cut or go silent. */
import { connect as connectSocket, createServer, type Socket } from 'node:net'

export type Wire = {
  port: number
  cut: () => Promise<void>
  mend: () => Promise<void>
  /** Connections stay and new ones are accepted, but nothing is handed on any more until it is mended. */
  hush: () => void
}

/** Hands every connection on to Postgres; when it is cut all of them break, and none is accepted. */
export async function openWire(target: URL): Promise<Wire> {
  const sockets = new Set<Socket>()
  let silent = false
  const gate = createServer((near) => {
    if (silent) {
      sockets.add(near.on('error', () => undefined))
      return
    }
    const far = connectSocket(Number(target.port || 5432), target.hostname)
    for (const socket of [near, far]) sockets.add(socket.on('error', () => undefined))
    // A pipe hands on an end, but not a break.
    near.once('close', () => far.destroy())
    far.once('close', () => near.destroy())
    near.pipe(far).pipe(near)
  })
  const listen = (port: number) =>
    new Promise<void>((resolve) => gate.listen(port, '127.0.0.1', resolve))
  await listen(0)
  const address = gate.address()
  const port = typeof address === 'object' && address ? address.port : 0
  async function cut() {
    const closed = new Promise((resolve) => gate.close(resolve))
    for (const socket of sockets) socket.resetAndDestroy()
    sockets.clear()
    await closed
  }
  async function mend() {
    silent = false
    if (gate.listening) await cut()
    await listen(port)
  }
  function hush() {
    silent = true
    for (const socket of sockets) socket.unpipe().pause()
  }
  return { port, cut, mend, hush }
}
