import type { Context } from 'hono'
import type { Scope } from '../db/schema/api-keys.ts'

/** The key as which a request or a session of the console acts. */
export type Principal = { id: number; name: string; scopes: readonly Scope[] }

/** Of a request that the console makes within the process. It stands beside the request, where no client can put it. */
export function principalOf(c: Context): Principal | undefined {
  return c.env?.principal
}
