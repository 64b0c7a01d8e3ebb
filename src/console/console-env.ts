/** What the pages know of the request they answer. */
import type { Context } from 'hono'
import { allows, type Scope } from '../auth/api-keys.ts'
import type { Principal } from '../auth/principal.ts'
import type { Api } from './api.ts'

export type ConsoleEnv = {
  Bindings: { incoming?: unknown; principal?: Principal }
  Variables: {
    principal: Principal
    api: Api
    /** Asked for while a page reads its own data. */
    problems: Promise<string[]> | undefined
    /** Where the files of the pages are. */
    assets: string
  }
}

/** The pages only show what the API decides. */
export const may = (c: Context<ConsoleEnv>, scope: Scope): boolean =>
  allows(c.get('principal').scopes, scope)
