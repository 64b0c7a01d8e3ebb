import { z } from 'zod'
import type { Database } from '../db/connection.ts'
import { type ApiContext, endpoint, noBody, none } from '../http/endpoint.ts'
import { AppError } from '../lib/errors.ts'
import {
  createdKey,
  createKey,
  findKey,
  keyInput,
  keyList,
  keyRecord,
  listKeys,
  revokeKey,
} from './api-keys.ts'
import { apiCredentials } from './credentials.ts'
import { principalOf } from './principal.ts'

const byId = z.strictObject({
  id: z.coerce.number('must be a number').int().min(1).max(Number.MAX_SAFE_INTEGER),
})
const common = { tag: 'keys', scope: 'admin', params: none, query: none, body: noBody } as const

export function keyRoutes(api: ApiContext, db: Database): void {
  endpoint(
    api,
    {
      ...common,
      method: 'post',
      path: '/v1/keys',
      operationId: 'createKey',
      summary: 'Create a key',
      body: keyInput,
      responses: { 201: { description: 'Created', schema: createdKey } },
    },
    async ({ body }, c) => {
      const { key, record } = await createKey(db, body)
      c.header('Cache-Control', 'no-store')
      return c.json({ ...record, key }, 201)
    },
  )
  endpoint(
    api,
    {
      ...common,
      scope: 'read',
      method: 'get',
      path: '/v1/me',
      operationId: 'getOwnKey',
      summary: 'The key that this request is made with',
      responses: { 200: { description: 'Without its secret', schema: keyRecord } },
    },
    async (_input, c) => {
      const by = principalOf(c) ?? { key: apiCredentials(c).key ?? '' }
      const record = await findKey(db, by)
      if (!record) throw new AppError('unauthorized', 'The key was removed.')
      return c.json(record)
    },
  )
  endpoint(
    api,
    {
      ...common,
      method: 'get',
      path: '/v1/keys',
      operationId: 'listKeys',
      summary: 'List keys, newest first',
      responses: {
        200: {
          description: 'All keys, without their secrets',
          schema: keyList,
        },
      },
    },
    async (_input, c) => c.json({ keys: await listKeys(db) }),
  )
  endpoint(
    api,
    {
      ...common,
      method: 'delete',
      path: '/v1/keys/{id}',
      operationId: 'revokeKey',
      summary: 'Revoke a key',
      params: byId,
      responses: { 204: { description: 'Revoked' } },
      errors: ['not_found'],
    },
    async ({ params }, c) => {
      await revokeKey(db, params.id)
      return c.body(null, 204)
    },
  )
}
