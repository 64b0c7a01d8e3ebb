/** The dialog of a change of many: filled in, previewed by a dry run, and applied to exactly what was previewed. */
import type { Context, Hono } from 'hono'
import { z } from 'zod'
import { AppError } from '../lib/errors.ts'
import { type ApiAnswer, apiProblem } from './api.ts'
import {
  type Action,
  actions,
  copyAction,
  countOf,
  type Given,
  type Selected,
} from './bulk-actions.ts'
import { type BulkView, outcome } from './bulk-state.ts'
import { BulkDialog } from './bulk-view.tsx'
import type { ConsoleEnv } from './console-env.ts'
import { readFilters } from './filters.tsx'
import type { Kind } from './kinds.ts'
import { noStores, readStores, type StoreChoice } from './store-finder.tsx'

type C = Context<ConsoleEnv>

export function bulkPages(pages: Hono<ConsoleEnv>, kind: Kind): void {
  const known = { ...actions, copy: copyAction }
  for (const [name, action] of Object.entries(known)) {
    if (!action.kinds.includes(kind.name)) continue
    pages.post(`/bulk/${kind.plural}/${name}`, async (c) => answer(c, kind, name, action))
  }
}

async function answer(c: C, kind: Kind, name: string, action: Action) {
  const form = await c.req.formData()
  const all = (one: string) => form.getAll(one).map(String)
  const given: Given = { all, text: (one) => all(one)[0] ?? '' }
  const selected = selectedOf(given)
  const step = given.text('step')
  const view: BulkView = { kind, name, action, given, selected, choice: noStores }
  if (step === 'apply') {
    const applied = await ask(c, view, { expected: Number(given.text('expected')) })
    if (applied.status === 200) return done(c, view, applied)
    if (applied.status !== 409) return show(c, { ...view, ...problemOf(applied) })
    const { problem } = problemOf(applied)
    return show(c, {
      ...view,
      ...(await preview(c, view)),
      notice: `${problem} Look at the new preview.`,
    })
  }
  if (step === 'preview' || action.isPlain) return show(c, { ...view, ...(await preview(c, view)) })
  return show(c, view)
}

/** What cannot be read must not become a filter that everything matches. */
function selectedOf({ text }: Given): Selected {
  if (text('all') !== 'true') return { ids: text('ids').split(',').filter(Boolean) }
  try {
    return { where: z.record(z.string(), z.unknown()).parse(JSON.parse(text('where'))) }
  } catch {
    throw new AppError('malformed', 'The selection cannot be read.')
  }
}

function ask(
  c: C,
  { action, kind, selected, given }: BulkView,
  options: object,
): Promise<ApiAnswer> {
  const { path, body } = action.request(kind, selected, given)
  return c.get('api')('POST', path, { body: { ...body, ...options } })
}

async function preview(c: C, view: BulkView): Promise<Partial<BulkView>> {
  const dry = await ask(c, view, { dry_run: true })
  return dry.status === 200 ? { outcome: outcome.parse(dry.body) } : problemOf(dry)
}

function problemOf({ body }: ApiAnswer): Required<Pick<BulkView, 'problem' | 'errors'>> {
  const { detail, errors } = apiProblem.parse(body)
  return { problem: detail, errors }
}

async function show(c: C, view: BulkView) {
  const isAboutStores = view.name === 'sell' || view.name === 'copy'
  const choice = isAboutStores ? await storesFor(c, view) : noStores
  return c.html(<BulkDialog {...view} choice={choice} />)
}

async function storesFor(c: C, { given: { text } }: BulkView): Promise<StoreChoice> {
  const searched = { q: text('stores_q'), region: text('stores_region') }
  const found = await readStores(c.get('api'), readFilters(['q', 'region'], searched))
  const region = text('region')
  // Those of the region are ticked at first, so they have to be among those that are shown.
  const isPartial = found.matching > found.stores.length
  if (text('step') !== '' || region === '' || !isPartial) return found
  return readStores(c.get('api'), { region })
}

function done(c: C, { kind, action }: BulkView, { body, changeId }: ApiAnswer) {
  const words = `${countOf(action, kind, outcome.parse(body).changed)} ${action.done}`
  c.header('HX-Trigger', JSON.stringify({ bulkdone: { words, undo: changeId ?? '' } }))
  return c.html('')
}
