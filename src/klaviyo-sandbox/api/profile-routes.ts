/** Profiles, accounts and metrics of Klaviyo's API. */
import { type Context, Hono } from 'hono'
import { upsertProfile } from '../account/account.ts'
import { hasIdentifier, type ProfileInput, readProfile } from '../account/profile-input.ts'
import { findPhoneHolder, findProfile, type Profiles } from '../account/profiles.ts'
import { findBadIdentifiers } from '../faults/fault-injection.ts'
import type { SandboxState } from '../state.ts'
import { type ErrorDetail, errorResponse, type SandboxEnv } from './errors.ts'
import { readBody } from './json.ts'
import { LIMITS } from './limits.ts'
import { requireKey, writeMiddleware } from './middleware.ts'
import { accountResource, metricResource, profileResource } from './resources.ts'
import { profileImportBody } from './schemas.ts'

const JSON_API = { 'content-type': 'application/vnd.api+json' }

export function profileRoutes(state: SandboxState): Hono<SandboxEnv> {
  const app = new Hono<SandboxEnv>()
  const middleware = writeMiddleware(state, 'profileImport', 'profiles:write')

  app.post('/profile-import', ...middleware, async (c) => {
    const body = await readBody(c, profileImportBody, LIMITS.profileImportBytes)
    if (!body.ok) return errorResponse(c, body.code, body.details)
    const input = readProfile(body.value.data)
    const rejected = rejectProfile(c, state, input)
    if (rejected) return rejected
    const { profile, isNew } = upsertProfile(state.account, input)
    const data = profileResource(profile)
    return c.body(JSON.stringify({ data }), isNew ? 201 : 200, JSON_API)
  })

  app.get('/accounts', requireKey(state, 'accounts:read'), (c) => {
    return c.body(JSON.stringify({ data: [accountResource()] }), 200, JSON_API)
  })

  app.get('/metrics', requireKey(state, 'metrics:read'), (c) => {
    const data = [...state.account.eventLog.metrics.values()].map(metricResource)
    const links = { self: c.req.url, next: null, prev: null }
    return c.body(JSON.stringify({ data, links }), 200, JSON_API)
  })

  return app
}

function rejectProfile(
  c: Context<SandboxEnv>,
  state: SandboxState,
  input: ProfileInput,
): Response | null {
  if (!hasIdentifier(input)) {
    const detail = 'At least one identifier is required: id, email, phone_number, external_id.'
    return errorResponse(c, 'invalid', [{ detail, pointer: '/data/attributes' }])
  }
  const errors = findBadIdentifiers(state.faultInjector, input, '/data/attributes')
  if (errors.length > 0) return errorResponse(c, 'invalid', errors)
  if (input.id && !findProfile(state.account.profiles, input)) {
    const detail = `A profile with id ${input.id} does not exist.`
    return errorResponse(c, 'not_found', [{ detail, pointer: '/data/id' }])
  }
  const duplicates = findDuplicates(state.account.profiles, input)
  return duplicates.length > 0 ? errorResponse(c, 'duplicate_profile', duplicates) : null
}

function findDuplicates(profiles: Profiles, input: ProfileInput): ErrorDetail[] {
  const holder = findPhoneHolder(profiles, input)
  if (!holder) return []
  const detail = 'A profile already exists with one of these identifiers.'
  return [{ detail, pointer: '/data/attributes', meta: { duplicate_profile_id: holder.id } }]
}
