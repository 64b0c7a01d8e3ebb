/**
 * What was typed into a form that arrived after the session had ended: it goes through the sign-in as hidden fields, and is
 * sent again by a button. Nothing of it is stored. Both requests come from the console's own pages (same-origin.ts).
 */
import type { Context } from 'hono'
import type { ConsoleEnv } from './console-env.ts'
import { page } from './layout.tsx'
import { PageTitle } from './parts.tsx'

type C = Context<ConsoleEnv>
export type KeptForm = { path: string; fields: [name: string, value: string][] }

const maxBytes = 500_000
const maxFields = 2_000
/** Of the sign-in with a kept form: each field has a head of its own. */
export const maxSignInBytes = 1_000_000

const prefix = 'kept.'

/** Null: it cannot be kept, as it is too large or holds a file. */
export async function readKept(c: C): Promise<KeptForm | null> {
  const length = Number(c.req.header('Content-Length') ?? Number.NaN)
  if (!(length <= maxBytes)) return null
  const { pathname, search } = new URL(c.req.url)
  const form = await readAnyForm(c)
  return form && keptOf(pathname + search, [...form])
}

/** Of somebody who is not signed in yet: null when it is no form at all. */
export async function readAnyForm(c: C): Promise<FormData | null> {
  try {
    return await c.req.formData()
  } catch (error) {
    if (error instanceof TypeError) return null
    throw error
  }
}

/** Of the form of the sign-in. */
export function keptIn(form: FormData): KeptForm | null {
  const path = form.get('again')
  const fields = [...form].filter(([name]) => name.startsWith(prefix))
  return typeof path === 'string'
    ? keptOf(
        path,
        fields.map(([name, value]) => [name.slice(prefix.length), value]),
      )
    : null
}

function keptOf(path: string, entries: [string, unknown][]): KeptForm | null {
  const fields = entries.flatMap(([name, value]): KeptForm['fields'] =>
    typeof value === 'string' ? [[name, value]] : [],
  )
  const isWhole = fields.length === entries.length && fields.length <= maxFields
  return isWhole ? { path, fields } : null
}

export function KeptFields({ path, fields }: KeptForm) {
  return (
    <>
      <input type="hidden" name="again" value={path} />
      {fields.map(([name, value]) => (
        <input type="hidden" name={`${prefix}${name}`} value={value} />
      ))}
    </>
  )
}

/** A browser may send a form to another page only when somebody presses its button. */
export function sendAgainPage(c: C, { path, fields }: KeptForm) {
  return page(
    c,
    { title: 'Signed in' },
    <>
      <PageTitle title="You are signed in again" />
      <form method="post" action={path} class="block">
        <p>What you typed is kept, and not sent yet.</p>
        {fields.map(([name, value]) => (
          <input type="hidden" name={name} value={value} />
        ))}
        <button class="primary" type="submit" autofocus>
          Send it now
        </button>{' '}
        <a class="button" href="/console">
          Discard it
        </a>
      </form>
    </>,
  )
}
