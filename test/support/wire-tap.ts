import { once } from 'node:events'
import { connect as connectSocket, createServer } from 'node:net'

type WireTap = { url: string; turns: () => number; stop: () => Promise<void> }

/** A way to Postgres that counts how often the client spoke after Postgres had. */
export async function tapWire(databaseUrl: string): Promise<WireTap> {
  const target = new URL(databaseUrl)
  let turns = 0
  let postgresSpoke = true
  const server = createServer((client) => {
    const upstream = connectSocket(Number(target.port || 5432), target.hostname)
    client.on('data', () => {
      if (postgresSpoke) turns++
      postgresSpoke = false
    })
    upstream.on('data', () => {
      postgresSpoke = true
    })
    client.on('error', () => upstream.destroy()).pipe(upstream)
    upstream.on('error', () => client.destroy()).pipe(client)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const url = new URL(databaseUrl)
  url.host = `127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
  return {
    url: url.href,
    turns: () => turns,
    async stop() {
      server.close()
      await once(server, 'close')
    },
  }
}
