import { expect, test } from 'vitest'
import { z } from 'zod'
import type { RunningSandbox } from '../../src/klaviyo-sandbox/listen.ts'
import { eventBody, list, openSandbox, send, statsOf } from './klaviyo-requests.ts'
import samples from './klaviyo-samples.json' with { type: 'json' }

const EMAIL = 'sarah.mason@klaviyo-demo.com'

function importProfile(sandbox: RunningSandbox, attributes: object, id?: string) {
  return send(sandbox, '/api/profile-import', { data: { type: 'profile', id, attributes } })
}

async function profileOf(sandbox: RunningSandbox, email: string) {
  const [profile] = await list(sandbox, `/sandbox/profiles?email=${email}`)
  return profile
}

test('a profile is created with 201, updated with 200, and returned', async () => {
  const sandbox = await openSandbox()
  const created = await send(sandbox, '/api/profile-import', samples.profileImport)
  expect(created.status).toBe(201)
  const { data } = z.object({ data: z.looseObject({ id: z.string() }) }).parse(await created.json())
  const { properties, ...attributes } = samples.profileImport.data.attributes
  expect(data).toMatchObject({
    type: 'profile',
    attributes: { ...attributes, properties: { ...properties, StoresVisited: ['store-7'] } },
  })
  const updated = await importProfile(sandbox, { first_name: 'Sally' }, data.id)
  expect(updated.status).toBe(200)
  expect(await profileOf(sandbox, EMAIL)).toMatchObject({ first_name: 'Sally', last_name: 'Mason' })
})

test('null clears a field, an absent key leaves it unchanged', async () => {
  const sandbox = await openSandbox()
  await send(sandbox, '/api/profile-import', samples.profileImport)
  await importProfile(sandbox, {
    email: EMAIL,
    last_name: null,
    location: { city: null, zip: '02110' },
    properties: { MostRecentStoreId: null },
  })
  const profile = await profileOf(sandbox, EMAIL)
  expect(profile).not.toHaveProperty('last_name')
  expect(profile).not.toHaveProperty('location.city')
  expect(profile).toMatchObject({
    first_name: 'Sarah',
    location: { zip: '02110', region: 'NY' },
  })
  expect(profile?.properties).toEqual({
    MostRecentStoreLocation: 'Boston, MA',
    StoresVisited: ['store-7'],
  })
})

test('an event updates its profile', async () => {
  const sandbox = await openSandbox()
  await send(sandbox, '/api/profile-import', samples.profileImport)
  const profile = { email: EMAIL.toUpperCase(), properties: { MostRecentStoreId: '1212' } }
  await send(sandbox, '/api/events', eventBody({ profile }))
  expect(await profileOf(sandbox, EMAIL)).toMatchObject({
    properties: { MostRecentStoreId: '1212' },
  })
  expect((await statsOf(sandbox)).profiles).toMatchObject({ total: 1 })
})

test('one phone number shared by two e-mail addresses stays two profiles', async () => {
  const sandbox = await openSandbox()
  const phone = '+15005550006'
  await importProfile(sandbox, { email: 'a@klaviyo-demo.com', phone_number: phone })
  expect((await importProfile(sandbox, { phone_number: phone })).status).toBe(200)
  expect(
    (await importProfile(sandbox, { email: 'b@klaviyo-demo.com', phone_number: phone })).status,
  ).toBe(201)
})

test('an e-mail and a phone number of two profiles are a 409 for an import, and a partial failure for an event', async () => {
  const sandbox = await openSandbox()
  const identifiers = { email: EMAIL, phone_number: '+15005550006' }
  await importProfile(sandbox, { email: EMAIL })
  await importProfile(sandbox, {
    email: 'a@klaviyo-demo.com',
    phone_number: identifiers.phone_number,
  })
  const imported = await importProfile(sandbox, identifiers)
  expect(imported.status).toBe(409)
  expect(await imported.json()).toMatchObject({
    errors: [{ code: 'duplicate_profile', meta: { duplicate_profile_id: expect.any(String) } }],
  })
  const event = await send(sandbox, '/api/events', eventBody({ profile: identifiers }))
  expect(event.status).toBe(202)
  expect(event.headers.get('x-klaviyo-partial-failure')).toBe('phone_number')
  expect(await profileOf(sandbox, EMAIL)).not.toHaveProperty('phone_number')
})

test('a profile without an identifier, of an unknown id or of more than 100 KB is rejected', async () => {
  const sandbox = await openSandbox()
  expect((await importProfile(sandbox, { first_name: 'John' })).status).toBe(400)
  expect((await importProfile(sandbox, {}, '01NOBODY')).status).toBe(404)
  const properties = { One: 'x'.repeat(60_000), Two: 'x'.repeat(60_000) }
  expect((await importProfile(sandbox, { email: EMAIL, properties })).status).toBe(413)
})

test('patch_properties append to, remove from and unset list properties', async () => {
  const sandbox = await openSandbox()
  const patch = (patch_properties: object) =>
    send(sandbox, '/api/profile-import', {
      data: { type: 'profile', attributes: { email: EMAIL }, meta: { patch_properties } },
    })
  await patch({ append: { Stores: ['1', '2'], Note: 'x' } })
  await patch({ append: { Stores: '2' }, unappend: { Stores: '1' }, unset: 'Note' })
  expect((await profileOf(sandbox, EMAIL))?.properties).toEqual({ Stores: ['2'] })
})
