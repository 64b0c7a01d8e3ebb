/** One product or store: read, changed, created and removed by forms that work without script. */
import type { Context, Hono } from 'hono'
import { type ApiAnswer, apiProblem, succeeded } from './api.ts'
import { type ConsoleEnv, may } from './console-env.ts'
import type { Kind } from './kinds.ts'
import { page } from './layout.tsx'
import {
  conflictsOf,
  emptyTexts,
  patchOf,
  readForm,
  type Submitted,
  type Texts,
  textsOf,
} from './record-form.ts'
import { RecordHistory, readHistory } from './record-history.tsx'
import { RecordForm, type RecordView } from './record-view.tsx'
import { type CatalogRecord, catalogRecord, pathOf } from './records.ts'
import { noStores, readStores, type StoreChoice } from './store-finder.tsx'

type C = Context<ConsoleEnv>
const maxRetries = 3

export function recordPages(pages: Hono<ConsoleEnv>, kind: Kind): void {
  pages.get(`/new/${kind.plural}`, async (c) => show(c, blank(kind)))
  pages.post(`/new/${kind.plural}`, async (c) => create(c, kind))
  pages.get(`/${kind.plural}/:id`, async (c) => {
    const found = await find(c, kind, c.req.param('id'))
    return show(c, { ...opened(kind, found), saved: c.req.query('saved') })
  })
  pages.post(`/${kind.plural}/:id`, async (c) => save(c, kind, c.req.param('id')))
  pages.post(`/${kind.plural}/:id/remove`, async (c) => {
    const answer = await c.get('api')('DELETE', apiPath(kind, c.req.param('id')))
    succeeded(answer)
    return c.redirect(`/console/${kind.plural}?removed=${answer.changeId ?? ''}`, 303)
  })
}

const apiPath = ({ plural }: Kind, id: string) => `/v1/${plural}/${encodeURIComponent(id)}`

type Found = { record: CatalogRecord; etag: string }

async function find(c: C, kind: Kind, id: string): Promise<Found> {
  const answer = await c.get('api')('GET', apiPath(kind, id))
  return { record: catalogRecord.parse(succeeded(answer)), etag: answer.etag ?? '' }
}

type View = Omit<RecordView, 'choice' | 'mayWrite'>

function opened(kind: Kind, { record, etag }: Found): View {
  const texts = textsOf(kind, record)
  return { kind, record, etag, texts, was: texts }
}

function blank(kind: Kind): View {
  const texts = emptyTexts(kind)
  return { kind, record: null, etag: '', texts, was: texts }
}

async function show(c: C, view: View, status: 200 | 409 | 422 = 200) {
  const choice = await storesFor(c, view)
  const title = view.record?.title ?? `New ${view.kind.name}`
  const { kind, record } = view
  const changes = record ? await readHistory(c.get('api'), kind, record.id) : []
  return page(
    c,
    { title, script: 'form', status },
    <>
      <RecordForm {...view} choice={choice} mayWrite={may(c, 'write')} />
      {record && (
        <RecordHistory kind={kind} id={record.id} changes={changes} mayWrite={may(c, 'write')} />
      )}
    </>,
  )
}

async function storesFor(c: C, { kind, record }: View): Promise<StoreChoice> {
  return kind.name === 'product' && record !== null ? readStores(c.get('api')) : noStores
}

async function create(c: C, kind: Kind) {
  const form = readForm(kind, await c.req.formData())
  const patch = patchOf(kind, { texts: form.texts, was: { ...emptyTexts(kind), published: '' } })
  const answer = await c.get('api')('POST', `/v1/${kind.plural}`, {
    body: { id: form.id, ...patch },
  })
  if (answer.status === 201) return c.redirect(savedPath(kind, form.id, [answer.changeId]), 303)
  const view = { ...blank(kind), id: form.id, texts: form.texts }
  return show(c, { ...view, ...faults(answer) }, 422)
}

/** Throws what no field is to blame for. */
function faults(answer: ApiAnswer): Pick<RecordView, 'errors' | 'problem'> {
  if (answer.status !== 422 && answer.status !== 409) succeeded(answer)
  const { errors, detail } = apiProblem.parse(answer.body)
  return { errors, problem: detail }
}

async function save(c: C, kind: Kind, id: string) {
  const form = readForm(kind, await c.req.formData())
  const patch = patchOf(kind, form)
  const result = await write(c, kind, id, form, patch)
  if ('conflicts' in result) {
    const { conflicts, found } = result
    const now = textsOf(kind, found.record)
    // What only they changed is taken over.
    const texts = { ...now, ...changedTexts(form, now) }
    return show(c, { ...opened(kind, found), texts, conflicts, sells: form.sells }, 409)
  }
  const { answer } = result
  if (answer.status >= 400) {
    const found = await find(c, kind, id)
    const view = { ...opened(kind, found), etag: form.etag, texts: form.texts, was: form.was }
    return show(c, { ...view, sells: form.sells, ...faults(answer) }, 422)
  }
  const linked = await saveLinks(c, id, form)
  return c.redirect(savedPath(kind, id, [answer.changeId, linked]), 303)
}

/** With the changes, for Undo. */
const savedPath = (kind: Kind, id: string, changeIds: (string | null)[]) =>
  `${pathOf(kind, id)}?saved=${changeIds.filter((one) => one !== null).join('.')}`

const changedTexts = ({ texts, was }: Submitted, now: Texts): Texts =>
  Object.fromEntries(
    Object.entries(texts).filter(([name, text]) => text !== was[name] && text !== now[name]),
  )

type Written = { answer: ApiAnswer } | { conflicts: ReturnType<typeof conflictsOf>; found: Found }

/** Fields that only others changed are no conflict: then it is written on top of theirs. */
async function write(
  c: C,
  kind: Kind,
  id: string,
  form: Submitted,
  patch: object,
): Promise<Written> {
  if (Object.keys(patch).length === 0)
    return { answer: { status: 200, etag: null, changeId: null, body: undefined } }
  let { etag } = form
  for (let tries = 1; ; tries++) {
    const answer = await c.get('api')('PATCH', apiPath(kind, id), { body: patch, ifMatch: etag })
    if (answer.status !== 412 || tries > maxRetries) return { answer }
    const found = await find(c, kind, id)
    const conflicts = conflictsOf(kind, form, textsOf(kind, found.record))
    if (conflicts.length > 0) return { conflicts, found }
    etag = found.etag
  }
}

/** Exactly the differences, so that what others ticked meanwhile stays. Returns the id of the change. */
async function saveLinks(
  c: C,
  id: string,
  { sells: { add, remove } }: Submitted,
): Promise<string | null> {
  if (add.length + remove.length === 0) return null
  const link = (store_id: string) => ({ product_id: id, store_id })
  const body = { add: add.map(link), remove: remove.map(link) }
  const answer = await c.get('api')('POST', '/v1/availability/batch', { body })
  succeeded(answer)
  return answer.changeId
}
