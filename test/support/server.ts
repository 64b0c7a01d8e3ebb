/** A running server for tests: real HTTP on loopback, and a database of its own. */
import { randomUUID } from 'node:crypto'
import { ensureKey } from '../../src/auth/api-keys.ts'
import { type Config, readConfig } from '../../src/config.ts'
import { type Limits, limits as usualLimits } from '../../src/http/limits.ts'
import { createLogger } from '../../src/server/logger.ts'
import { startServer } from '../../src/server/server.ts'
import { checkAnswer, checkError } from './contract.ts'
import { createTestDatabase, type TestDatabase } from './database.ts'

export type Answer = { status: number; headers: Headers; body: unknown; text: string }

export type TestServer = {
  url: string
  database: TestDatabase
  /** An admin key. */
  key: string
  /**
   * With the admin key unless `headers` says otherwise; a body that is no string is sent as JSON.
   * Throws when the answer, or a body that was accepted, is not what /openapi.json promises.
   */
  ask: (
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ) => Promise<Answer>
  stop: () => Promise<void>
}

/** The invalid fields that a problem names, each once. */
export function faultyFields({ body }: Answer): string[] {
  const { errors = [] } = body as { errors?: { field: string }[] }
  return [...new Set(errors.map(({ field }) => field))]
}

/** Tests send more requests than any client. */
export const unlimited = 1_000_000_000

/** To be made in `beforeAll`; `stop`, in `afterAll`, drops the database too. */
export async function startTestServer(
  settings: Partial<Config> = {},
  limits: Partial<Limits> = {},
): Promise<TestServer> {
  const database = await createTestDatabase()
  const key = `test-${randomUUID()}`
  await ensureKey(database.db, key, { name: 'tests', scopes: ['admin'] })
  const config: Config = {
    ...readConfig({}),
    host: '127.0.0.1',
    port: 0,
    feedMaxDrop: 1,
    maxListBytes: 100_000,
    rateLimit: unlimited,
    ...settings,
  }
  const server = await startServer(config, database.url, createLogger('silent'), {
    ...usualLimits,
    wrongKeys: unlimited,
    ...limits,
  })
  const ask = asker(server.url, key)
  async function stop() {
    await server.stop()
    await database.close()
  }
  return { url: server.url, database, key, ask, stop }
}

export function asker(url: string, key: string): TestServer['ask'] {
  return async (method, path, body, headers = {}) => {
    const sent = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${key}`,
        ...(sent === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(sent === undefined ? {} : { body: sent }),
    })
    const text = await response.text()
    const isJson = /[/+]json/.test(response.headers.get('Content-Type') ?? '')
    const answer: Answer = {
      status: response.status,
      headers: response.headers,
      text,
      body: isJson && text !== '' ? JSON.parse(text) : undefined,
    }
    await checkAnswer(url, { method, path, body: sent }, answer)
    checkError(answer, [key])
    return answer
  }
}
