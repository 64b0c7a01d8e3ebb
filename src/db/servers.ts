/** Finds the server to connect to: the driver takes one server at a time. */
import pg from 'pg'
import type { SessionAttrs } from '../lib/connection-url.ts'

/** Throws if the server that was connected to is not the one that is wanted. */
export async function checkServer(client: pg.ClientBase, wanted: SessionAttrs): Promise<void> {
  if (wanted === 'any') return
  const { rows } = await client.query<{ standby: boolean; locked: boolean }>(
    "select pg_is_in_recovery() as standby, current_setting('transaction_read_only') = 'on' as locked",
  )
  const { standby, locked } = rows[0] ?? { standby: true, locked: true }
  const fault = (standby && 'a standby') || (wanted === 'read-write' && locked && 'read-only')
  if (fault) throw new Error(`it is ${fault}, and target_session_attrs is ${wanted}`)
}

/**
 * What `open` makes of the first server that it can use, beginning with number `first`. Rejects with what happened at
 * each; a rejected login is final, as for psql.
 */
export async function tryServers<Server, Opened>(
  servers: readonly Server[],
  first: number,
  open: (server: Server, index: number) => Promise<Opened>,
): Promise<Opened> {
  const failures: unknown[] = []
  const indexed = servers.map((server, index) => ({ server, index }))
  for (const { server, index } of [...indexed.slice(first), ...indexed.slice(0, first)]) {
    try {
      return await open(server, index)
    } catch (error) {
      if (servers.length === 1 || isFinal(error)) throw error
      failures.push(error)
    }
  }
  const told = failures.map(messageOf).join('; ')
  throw new Error(`no server can be used: ${told}`)
}

/** A rejected login, a database that does not exist, or a pool whose connections are all in use. */
const isFinal = (error: unknown) =>
  error instanceof pg.DatabaseError
    ? /^28|^3D/.test(error.code ?? '')
    : error instanceof Error && error.message === 'timeout exceeded when trying to connect'

/** Of a name with several addresses, Node reports one error each, in an error without a message. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join(', ')
  return error instanceof Error ? error.message : String(error)
}
