/** In charge of the sandbox as a whole: the stand-in Klaviyo as one HTTP application over one state. */
import { Hono } from 'hono'
import { controlRoutes } from './control-routes.ts'
import { eventRoutes } from './event-routes.ts'
import { countRequests, markAnswers } from './gate.ts'
import { pageRoutes } from './page.ts'
import { profileRoutes } from './profile-routes.ts'
import { refuse, type SandboxEnv } from './refusals.ts'
import { createState, type SandboxOptions, type SandboxState } from './state.ts'
import { trackRoutes } from './track-routes.ts'

export type Sandbox = { app: Hono<SandboxEnv>; state: SandboxState }

/** Throws a ZodError when the options are wrong. `state` may be read at any time. */
export function createSandbox(options: SandboxOptions = {}): Sandbox {
  const state = createState(options)
  const app = new Hono<SandboxEnv>({ strict: false })
  app.use(markAnswers)
  app.use('/api/*', countRequests(state))
  app.route('/api', eventRoutes(state))
  app.route('/api', profileRoutes(state))
  app.route('/api', trackRoutes(state))
  app.route('/sandbox', controlRoutes(state))
  app.route('/', pageRoutes(state))
  app.notFound((c) =>
    refuse(c, 'not_found', [
      { detail: `The sandbox has no ${c.req.method} ${c.req.path}.`, pointer: '/data/' },
    ]),
  )
  return { app, state }
}
