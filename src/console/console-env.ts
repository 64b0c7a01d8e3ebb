/** What the pages know of the request they answer. */
import type { Principal } from '../auth/principal.ts'
import type { Api } from './api.ts'

export type ConsoleEnv = {
  Bindings: { incoming?: unknown; principal?: Principal }
  Variables: {
    principal: Principal
    api: Api
    /** Where the files of the pages are. */
    assets: string
  }
}
