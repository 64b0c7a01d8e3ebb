/** Files that bring products, stores and the rest: checked, looked at, applied. */
import type { Context, Hono } from 'hono'
import { importFormats, importList, importRecord } from '../import-export/import-schemas.ts'
import { AppError } from '../lib/errors.ts'
import { type ApiAnswer, apiProblem, read, succeeded } from './api.ts'
import { type ConsoleEnv, may } from './console-env.ts'
import { FileOptions, KindOptions } from './import-form.tsx'
import { correctedRows } from './import-rejects.tsx'
import { ImportView, RecentImports } from './import-view.tsx'
import { fileTypes, queryOf } from './imports.ts'
import { page } from './layout.tsx'
import { PageTitle, ReadOnlyHint } from './parts.tsx'

type C = Context<ConsoleEnv>

export function importPage(pages: Hono<ConsoleEnv>): void {
  pages.get('/import', (c) => showForm(c, {}))
  pages.post('/import', create)
  pages.get('/import/:id', (c) => showImport(c))
  pages.post('/import/:id/check', async (c) => {
    const query = queryOf(await readFormats(c), await c.req.formData())
    return afterwards(c, await ask(c, `/check?${query}`))
  })
  pages.post('/import/:id/apply', async (c) => afterwards(c, await ask(c, '/apply')))
  pages.post('/import/:id/remove', async (c) => {
    succeeded(await c.get('api')('DELETE', pathOf(c)))
    return c.redirect('/console/import', 303)
  })
}

const readFormats = (c: C) => read(c.get('api'), '/v1/imports/formats', importFormats)
const pathOf = (c: C) => `/v1/imports/${encodeURIComponent(c.req.param('id') ?? '')}`
const ask = (c: C, rest: string) => c.get('api')('POST', `${pathOf(c)}${rest}`)
type Shown = { problem?: string; given?: Record<string, string> }

async function showForm(c: C, { problem, given = {} }: Shown) {
  const api = c.get('api')
  const [formats, { imports }] = await Promise.all([
    readFormats(c),
    read(api, '/v1/imports', importList),
  ])
  return page(
    c,
    { title: 'Import', script: 'form', status: problem ? 422 : 200 },
    <>
      <PageTitle
        title="Import"
        hint={
          may(c, 'write') ? (
            'Nothing is written before you have seen what would change.'
          ) : (
            <ReadOnlyHint />
          )
        }
      />
      {problem && (
        <p class="block alert error" role="alert">
          {problem}
        </p>
      )}
      {may(c, 'write') && (
        <form class="block" method="post" action="/console/import" enctype="multipart/form-data">
          <div class="field first">
            <label for="file">File</label>
            <input id="file" type="file" name="file" required accept={fileTypes} />
            <p class="hint">
              CSV or NDJSON of up to 10 MB, with the names of the columns in its first row.
            </p>
          </div>
          <KindOptions formats={formats} given={given} />
          <FileOptions given={given} />
          <input type="hidden" name="skip_unknown" value="true" />
          <button class="primary" type="submit">
            Check the file
          </button>
        </form>
      )}
      {imports.length > 0 && <RecentImports imports={imports} />}
      <section aria-label="Export">
        <h2>Export</h2>
        <p class="soft">Files that an import reads back, with all records as they are now.</p>
        <p class="chips">
          {['products', 'stores', 'availability'].map((kind) => (
            <a class="chip" href={`/console/v1/exports/${kind}`} download>
              {kind}
            </a>
          ))}
        </p>
      </section>
    </>,
  )
}

async function create(c: C) {
  const form = await c.req.formData()
  const chosen = form.get('file')
  const file =
    correctedRows(form) ?? (chosen instanceof File ? await chosen.arrayBuffer() : undefined)
  if (file === undefined || file.byteLength === 0)
    return showForm(c, { problem: 'Choose a file that is not empty.' })
  const query = queryOf(await readFormats(c), form)
  const answer = await c.get('api')('POST', `/v1/imports?${query}`, { file })
  if (answer.status === 422 || answer.status === 409)
    return showForm(c, { problem: problemOf(answer), given: givenIn(form) })
  const { id } = importRecord.parse(succeeded(answer))
  return c.redirect(`/console/import/${id}`, 303)
}

function problemOf({ body }: ApiAnswer): string {
  const { detail, errors } = apiProblem.parse(body)
  return errors.length > 0 ? errors.map((one) => `${one.field} ${one.detail}`).join('; ') : detail
}

const givenIn = (form: FormData) =>
  Object.fromEntries(
    [...form].filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  )

/** What is wrong with the options stands on the page of the import. */
async function afterwards(c: C, answer: ApiAnswer) {
  if (answer.status === 422 || answer.status === 409) return showImport(c, problemOf(answer))
  succeeded(answer)
  return c.redirect(`/console/import/${c.req.param('id')}`, 303)
}

async function showImport(c: C, problem?: string) {
  const api = c.get('api')
  if (c.req.param('id') === undefined) throw new AppError('not_found', 'There is no such import.')
  const [found, formats] = await Promise.all([read(api, pathOf(c), importRecord), readFormats(c)])
  const mayWrite = may(c, 'write')
  const isEditable = mayWrite && found.columns !== null && found.rejected.length > 0
  const rejects = isEditable ? succeeded(await api('GET', `${pathOf(c)}/rejects`)) : null
  return page(
    c,
    { title: 'Import', script: 'form', status: problem ? 422 : 200 },
    <>
      {problem && (
        <p class="block alert error" role="alert">
          {problem}
        </p>
      )}
      <ImportView
        found={found}
        formats={formats}
        rejects={rejects === null ? null : String(rejects)}
        mayWrite={mayWrite}
      />
    </>,
  )
}
