/** The REST API, asked within the process: what the console can do, REST can do. */
import { z } from 'zod'
import type { Principal } from '../auth/principal.ts'

export type ApiAnswer = {
  status: number
  etag: string | null
  changeId: string | null
  body: unknown
}
type Sent = { body?: unknown; file?: ArrayBuffer; ifMatch?: string | undefined }
export type Api = (method: string, path: string, sent?: Sent) => Promise<ApiAnswer>

type App = { fetch: (request: Request, env: object) => Response | Promise<Response> }

export function apiOf(app: App, env: object, principal: Principal, origin: string): Api {
  return async (method, path, { body, file, ifMatch } = {}) => {
    const headers = new Headers()
    if (body !== undefined) headers.set('Content-Type', 'application/json')
    if (file) headers.set('Content-Type', 'application/octet-stream')
    if (ifMatch !== undefined) headers.set('If-Match', ifMatch)
    const request = new Request(new URL(path, origin), {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(file ? { body: file } : {}),
    })
    const response = await app.fetch(request, { ...env, principal })
    return {
      status: response.status,
      etag: response.headers.get('ETag'),
      changeId: response.headers.get('Change-Id'),
      body: await readBody(response),
    }
  }
}

/** A file stays a text. */
async function readBody(response: Response): Promise<unknown> {
  const text = await response.text()
  return /[/+]json/.test(response.headers.get('Content-Type') ?? '') ? JSON.parse(text) : text
}

export const apiProblem = z.object({
  title: z.string(),
  status: z.number(),
  detail: z.string(),
  errors: z.array(z.object({ field: z.string(), detail: z.string() })).default([]),
})
export type ApiProblem = z.infer<typeof apiProblem>

/** A page shows it in the words of the API. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly problem: ApiProblem

  constructor(problem: ApiProblem) {
    super(problem.detail)
    this.problem = problem
  }
}

/** Throws an {@link ApiError} unless it succeeded. */
export function succeeded({ status, body }: ApiAnswer): unknown {
  if (status >= 400) throw new ApiError(apiProblem.parse(body))
  return body
}

export async function read<T>(api: Api, path: string, schema: z.ZodType<T>): Promise<T> {
  return schema.parse(succeeded(await api('GET', path)))
}
