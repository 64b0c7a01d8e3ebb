/** The stand-in for Klaviyo: one HTTP application over one in-memory state. */
import { Hono } from 'hono'
import { controlRoutes } from './api/control-routes.ts'
import { errorResponse, type SandboxEnv } from './api/errors.ts'
import { eventRoutes } from './api/event-routes.ts'
import { countRequests, markResponses } from './api/middleware.ts'
import { profileRoutes } from './api/profile-routes.ts'
import { trackRoutes } from './api/track-routes.ts'
import { pageRoutes } from './page/page.ts'
import { createState, type SandboxOptions, type SandboxState } from './state.ts'

export type Sandbox = { app: Hono<SandboxEnv>; state: SandboxState }

/** Throws a ZodError when the options are invalid. `state` may be read at any time. */
export function createSandbox(options: SandboxOptions = {}): Sandbox {
  const state = createState(options)
  const app = new Hono<SandboxEnv>({ strict: false })
  app.use(markResponses)
  app.use('/api/*', countRequests(state))
  app.route('/api', eventRoutes(state))
  app.route('/api', profileRoutes(state))
  app.route('/api', trackRoutes(state))
  app.route('/sandbox', controlRoutes(state))
  app.route('/', pageRoutes(state))
  app.notFound((c) =>
    errorResponse(c, 'not_found', [
      { detail: `The sandbox has no ${c.req.method} ${c.req.path}.`, pointer: '/data/' },
    ]),
  )
  return { app, state }
}
