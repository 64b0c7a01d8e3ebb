/** In charge of asking a server that may be killed meanwhile: who serves on must answer, whole and in time. */
import { type Asked, type Exchanged, exchange } from './exchange.ts'
import type { Supervised } from './supervised.ts'

/** Undefined when the server was dead, died meanwhile, or did not serve yet. Throws when it has no such excuse. */
export async function ask(
  server: Supervised,
  path: string,
  asked: Asked,
): Promise<Exchanged | undefined> {
  const life = server.life()
  try {
    return await exchange(server.url + path, asked)
  } catch (error) {
    if (life === 0 || server.life() !== life) return undefined
    throw error
  }
}
