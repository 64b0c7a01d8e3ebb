/** A TCP proxy between a server and its Postgres that can disconnect or stall. */
import { connect as connectSocket, createServer, type Socket } from 'node:net'
import { Transform } from 'node:stream'

export type TcpProxy = {
  port: number
  /** Of the first target, through the proxy. */
  url: string
  /** Resets all connections and accepts none. */
  disconnect: () => Promise<void>
  restore: () => Promise<void>
  /** From now on connects to another server; resets all connections. */
  pointTo: (target: URL) => Promise<void>
  /** Keeps connections open and accepts new ones, but forwards nothing until restored. */
  stall: () => void
  /** As when the machine behind vanishes and another takes its address: the connections there are stay open, without an answer. */
  vanish: () => void
}

/**
 * `splitAnswers` forwards the last bytes of what Postgres sends, such as ReadyForQuery, in a later packet; `terminateAfter`
 * terminates a connection as Postgres does, in the packet of the first answer that holds this.
 */
export async function openTcpProxy(
  first: URL,
  { splitAnswers = false, terminateAfter = '' } = {},
): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  const pairs = new Map<Socket, Socket>()
  let stalled = false
  let target = first
  const server = createServer((client) => {
    if (stalled) {
      sockets.add(client.on('error', () => undefined))
      return
    }
    const upstream = connectSocket(Number(target.port || 5432), target.hostname)
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => undefined))
    // pipe() forwards an end, but not an error.
    client.once('close', () => upstream.destroy())
    upstream.once('close', () => pairs.delete(client) && client.destroy())
    pairs.set(client, upstream)
    client.pipe(upstream)
    if (terminateAfter)
      upstream.on('data', (chunk) =>
        chunk.includes(terminateAfter)
          ? client.end(Buffer.concat([chunk, termination]))
          : client.write(chunk),
      )
    else if (splitAnswers) upstream.pipe(lastBytesLater()).pipe(client.setNoDelay())
    else upstream.pipe(client)
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
  async function pointTo(next: URL) {
    await disconnect()
    target = next
    await restore()
  }
  function stall() {
    stalled = true
    for (const socket of sockets) socket.unpipe().pause()
  }
  function vanish() {
    for (const [client, upstream] of pairs) {
      client.unpipe().pause()
      upstream.unpipe().destroy()
    }
    pairs.clear()
  }
  const { href: url } = Object.assign(new URL(first), { host: `127.0.0.1:${port}` })
  return { port, url, disconnect, restore, pointTo, stall, vanish }
}

/** ReadyForQuery has 6 bytes. */
const lastBytesLater = () =>
  new Transform({
    transform(chunk: Buffer, _, done) {
      this.push(chunk.subarray(0, -6))
      setTimeout(() => done(null, chunk.subarray(-6)), 20)
    },
  })

const fields = 'SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0'
const length = Buffer.alloc(4)
length.writeInt32BE(fields.length + 4)
/** An ErrorResponse. */
const termination = Buffer.concat([Buffer.from('E'), length, Buffer.from(fields)])
