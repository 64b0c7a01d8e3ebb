/** In charge of today's API for profiles, and of what tells an account apart: its name and its metrics. */
import { Hono } from 'hono'
import { takeProfile } from '../account/account.ts'
import { hasIdentifier, profileInput } from '../account/profile-input.ts'
import { findProfile } from '../account/profiles.ts'
import type { SandboxState } from '../state.ts'
import { findBadIdentifiers } from './bad-identifiers.ts'
import { errorResponse, type SandboxEnv } from './errors.ts'
import { readBody } from './json-body.ts'
import { LIMITS } from './limits.ts'
import { requireKey, writeGates } from './middleware.ts'
import { accountResource, metricResource, profileResource } from './resources.ts'
import { profileImportBody } from './schemas.ts'

const JSON_API = { 'content-type': 'application/vnd.api+json' }

export function profileRoutes(state: SandboxState): Hono<SandboxEnv> {
  const app = new Hono<SandboxEnv>()
  const gates = writeGates(state, 'profileImport', 'profiles:write')

  app.post('/profile-import', ...gates, async (c) => {
    const body = await readBody(c, profileImportBody, LIMITS.profileImportBytes)
    if (!body.ok) return errorResponse(c, body.kind, body.details)
    const person = profileInput(body.value.data)
    if (!hasIdentifier(person)) {
      const detail = 'At least one identifier is required: id, email, phone_number, external_id.'
      return errorResponse(c, 'invalid', [{ detail, pointer: '/data/attributes' }])
    }
    const faults = findBadIdentifiers(state.dice, person, '/data/attributes')
    if (faults.length > 0) return errorResponse(c, 'invalid', faults)
    if (person.id && !findProfile(state.account.people, person)) {
      const detail = `A profile with id ${person.id} does not exist.`
      return errorResponse(c, 'not_found', [{ detail, pointer: '/data/id' }])
    }
    const { profile, isNew } = takeProfile(state.account, person)
    const data = profileResource(profile)
    return c.body(JSON.stringify({ data }), isNew ? 201 : 200, JSON_API)
  })

  app.get('/accounts', requireKey(state, 'accounts:read'), (c) => {
    return c.body(JSON.stringify({ data: [accountResource()] }), 200, JSON_API)
  })

  app.get('/metrics', requireKey(state, 'metrics:read'), (c) => {
    const data = [...state.account.journal.metrics.values()].map(metricResource)
    const links = { self: c.req.url, next: null, prev: null }
    return c.body(JSON.stringify({ data, links }), 200, JSON_API)
  })

  return app
}
