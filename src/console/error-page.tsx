/** A page for what failed, in the words of the API. */
import type { Context } from 'hono'
import { renderProblem } from '../http/problem.ts'
import { ApiError, type ApiProblem, apiProblem } from './api.ts'
import type { ConsoleEnv } from './console-env.ts'
import { page } from './layout.tsx'

export function respondWithErrorPage(error: unknown, c: Context<ConsoleEnv>) {
  if (error instanceof ApiError) return errorPage(c, error.problem)
  const { status, headers, body } = renderProblem(error)
  if (c.req.path.startsWith('/console/v1/')) return c.body(body, status, headers)
  const wait = headers['Retry-After']
  if (wait !== undefined) c.header('Retry-After', wait)
  return errorPage(c, apiProblem.parse(JSON.parse(body)))
}

function errorPage(c: Context<ConsoleEnv>, { status, title, detail, errors }: ApiProblem) {
  if (status === 401) return c.redirect('/console/sign-in')
  if (c.req.header('HX-Request')) {
    // What a page loads by itself has no id: a number beside a link has no room for words.
    if (c.req.header('HX-Target') === undefined)
      return c.body(null, statusOf(status), { 'HX-Reswap': 'none' })
    return c.html(<p class="error">{`${title}. ${detail}`}</p>, statusOf(status))
  }
  return page(
    c,
    { title, status: statusOf(status) },
    <div class="empty">
      <h1>{title}</h1>
      <p>{detail}</p>
      {errors.map((error) => (
        <p>{`${error.field} ${error.detail}.`}</p>
      ))}
      {status >= 500 && <p>Nothing was changed. Try again in a moment.</p>}
      <p>
        <a class="button" href="/console">
          Back to the console
        </a>
      </p>
    </div>,
  )
}

const statusOf = (status: number) => known.find((one) => one === status) ?? 500
const known = [400, 403, 404, 405, 409, 412, 413, 414, 415, 422, 429, 503] as const
