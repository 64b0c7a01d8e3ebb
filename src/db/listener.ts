/** LISTEN on a connection of its own, which is replaced whenever it is lost. */
import { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { ConnectionSettings } from './pool.ts'
import { checkServer, tryServers } from './servers.ts'

type OnNotify = (payload: string) => void

export type Listener = {
  /**
   * Calls `onNotify` with the payload of every NOTIFY, and with '' whenever it starts to listen, also after a lost connection. Resolves to false
   * behind a pooler, where it does not listen. A notification only wakes a worker; polling decides what there is to do.
   */
  listen: (channel: string, onNotify: OnNotify) => Promise<boolean>
  /** Waits up to 5 s for the server to end the connection. */
  close: () => Promise<void>
}

const retryMs = 300
const answerMs = 5_000

export function createListener({ servers, wanted }: ConnectionSettings): Listener {
  const clients = new Map<pg.Client, Socket>()
  let closed = false

  async function openClient(server: pg.ClientConfig, onNotify: OnNotify) {
    const socket = new Socket()
    const client = new pg.Client({ ...server, query_timeout: answerMs, stream: () => socket })
    const lost = new Promise<void>((resolve) => client.once('end', resolve))
    clients.set(client, socket)
    // An 'end' event follows.
    client.on('error', () => undefined)
    client.on('notification', ({ payload = '' }) => onNotify(payload))
    void lost.then(() => clients.delete(client))
    try {
      await client.connect()
      await checkServer(client, wanted)
      return { client, lost }
    } catch (error) {
      void client.end()
      throw error
    }
  }

  /** Null behind a pooler; else `lost`, which resolves when the connection ends. */
  async function begin(channel: string, onNotify: OnNotify) {
    const { client, lost } = await tryServers(servers, 0, (server) => openClient(server, onNotify))
    if (await isPooled(client)) {
      await client.end()
      return null
    }
    await client.query(`listen ${channel}`)
    onNotify('')
    return { lost }
  }

  async function beginWithRetries(channel: string, onNotify: OnNotify) {
    for (;;) {
      const begun = await begin(channel, onNotify).catch(() => undefined)
      if (begun !== undefined || closed) return begun ?? null
      await sleep(retryMs)
    }
  }

  async function reconnect(
    lost: Promise<void>,
    channel: string,
    onNotify: OnNotify,
  ): Promise<void> {
    await lost
    if (closed) return
    await sleep(retryMs, undefined, { ref: false })
    const again = closed ? null : await beginWithRetries(channel, onNotify)
    if (again) await reconnect(again.lost, channel, onNotify)
  }

  return {
    listen: async (channel, onNotify) => {
      const begun = await beginWithRetries(channel, onNotify)
      if (!begun) return closed
      void reconnect(begun.lost, channel, onNotify)
      return true
    },
    close: async () => {
      closed = true
      await Promise.all([...clients].map(([client, socket]) => endClient(client, socket)))
    },
  }
}

/** A server that does not answer is not waited for. */
async function endClient(client: pg.Client, socket: Socket): Promise<void> {
  const timer = setTimeout(() => socket.destroy(), answerMs)
  await client.end()
  clearTimeout(timer)
}

/**
 * Postgres tells each connection its backend's process id; a pooler sends an id of its own. In transaction mode LISTEN
 * would remain on a connection that serves other clients.
 */
async function isPooled(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query('select pg_backend_pid() as pid')
  return rows[0]?.pid !== Reflect.get(client, 'processID')
}
