/** Requests to the REST API, as the session of this page. */

export type Fields = Record<string, unknown>
export type Answer = { status: number; etag: string | null; body: Fields }

/** Rejects when no answer comes. */
export async function send(
  method: string,
  path: string,
  body?: unknown,
  ifMatch?: string | null,
): Promise<Answer> {
  const headers = new Headers()
  if (body !== undefined) headers.set('Content-Type', 'application/json')
  if (ifMatch) headers.set('If-Match', ifMatch)
  const init: RequestInit = { method, headers }
  if (body !== undefined) init.body = JSON.stringify(body)
  const response = await fetch(`/console${path}`, init)
  const text = await response.text()
  const isJson = response.headers.get('Content-Type')?.includes('json') ?? false
  return {
    status: response.status,
    etag: response.headers.get('ETag'),
    body: isJson && text !== '' ? JSON.parse(text) : {},
  }
}

/** In the words of the API: of the field where it names one. */
export function wordsOf({ status, body }: Answer, field: string): string {
  if (status === 401) return 'Your session has ended: sign in in another tab, then try again.'
  const errors = Array.isArray(body.errors) ? body.errors : []
  const own = errors.find((error) => error.field === field || error.field.startsWith(`${field}.`))
  return String(own?.detail ?? body.detail ?? 'The server answered with an error.')
}
