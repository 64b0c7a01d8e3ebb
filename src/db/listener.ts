/** In charge of notifications: heard on a connection of its own, which is made anew whenever it is lost. */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

export type Listener = {
  /**
   * Calls back at every NOTIFY, and once as soon as it listens, also after a lost connection. Resolves to false
   * behind a pooler, where it does not listen: a notification is a nudge, never the truth.
   */
  listen: (channel: string, nudge: () => void) => Promise<boolean>
  close: () => Promise<void>
}

const tryAgainMs = 300

export function createListener(settings: pg.ClientConfig): Listener {
  const clients = new Set<pg.Client>()
  let closed = false

  /** Null behind a pooler; else `lost`, which resolves when the connection is no more. */
  async function begin(channel: string, nudge: () => void) {
    const client = new pg.Client(settings)
    const lost = new Promise<void>((resolve) => client.once('end', resolve))
    clients.add(client)
    // The end that follows is enough to know.
    client.on('error', () => undefined)
    client.on('notification', nudge)
    void lost.then(() => clients.delete(client))
    await client.connect()
    if (await isPooled(client)) {
      await client.end()
      return null
    }
    await client.query(`listen ${channel}`)
    nudge()
    return { lost }
  }

  async function beginUntilItDoes(channel: string, nudge: () => void) {
    for (;;) {
      const begun = await begin(channel, nudge).catch(() => undefined)
      if (begun !== undefined || closed) return begun ?? null
      await sleep(tryAgainMs)
    }
  }

  async function keepOn(lost: Promise<void>, channel: string, nudge: () => void): Promise<void> {
    await lost
    if (closed) return
    await sleep(tryAgainMs, undefined, { ref: false })
    const again = closed ? null : await beginUntilItDoes(channel, nudge)
    if (again) await keepOn(again.lost, channel, nudge)
  }

  return {
    listen: async (channel, nudge) => {
      const begun = await beginUntilItDoes(channel, nudge)
      if (!begun) return closed
      void keepOn(begun.lost, channel, nudge)
      return true
    },
    close: async () => {
      closed = true
      await Promise.all([...clients].map((client) => client.end()))
    },
  }
}

/**
 * Postgres tells each connection the number of its process; a pooler tells a number of its own. In transaction mode
 * LISTEN would stay behind on a connection that serves others.
 */
async function isPooled(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query('select pg_backend_pid() as pid')
  return rows[0]?.pid !== Reflect.get(client, 'processID')
}
