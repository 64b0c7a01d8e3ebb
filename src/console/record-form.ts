/** What a submitted form changes of a record: only what differs from what it was opened with. */
import { z } from 'zod'
import { isSameText, metadataChanges, readValue, textOf } from './field-values.ts'
import type { Field, Kind } from './kinds.ts'
import type { CatalogRecord } from './records.ts'

export type Texts = Record<string, string>

const fieldsOf = ({ groups }: Kind): Field[] => groups.flatMap(({ fields }) => fields)

export const textsOf = (kind: Kind, record: CatalogRecord): Texts =>
  Object.fromEntries(
    fieldsOf(kind).map((field) => [field.name, textOf(field.kind, record[field.name])]),
  )

export const emptyTexts = (kind: Kind): Texts =>
  Object.fromEntries(fieldsOf(kind).map(({ name }) => [name, name === 'published' ? 'true' : '']))

export type Submitted = {
  texts: Texts
  /** As the form was opened. */
  was: Texts
  etag: string
  id: string
  sells: { add: string[]; remove: string[] }
}

const texts = z.record(z.string(), z.string()).catch({})

export function readForm(kind: Kind, form: FormData): Submitted {
  const text = (name: string) => {
    const value = form.get(name)
    return typeof value === 'string' ? value : ''
  }
  const all = (name: string) => form.getAll(name).map(String)
  const given = fieldsOf(kind).map((field) => [
    field.name,
    field.kind === 'flag' ? String(form.has(field.name)) : text(field.name),
  ])
  const ticked = new Set(all('sold_in'))
  const before = new Set(text('sold_was').split(',').filter(Boolean))
  return {
    texts: Object.fromEntries(given),
    was: texts.parse(parsed(text('was'))),
    etag: text('etag'),
    id: text('id').trim(),
    sells: {
      add: [...ticked].filter((id) => !before.has(id)),
      remove: [...before].filter((id) => !ticked.has(id)),
    },
  }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return {}
  }
}

/** Fields whose text was changed, as a merge patch. */
export function patchOf(kind: Kind, { texts: now, was }: Pick<Submitted, 'texts' | 'was'>) {
  const changed = fieldsOf(kind).filter(({ name }) => !isSameText(now[name] ?? '', was[name] ?? ''))
  return Object.fromEntries(
    changed.map(({ name, kind: type }) => {
      const [text, before] = [now[name] ?? '', was[name] ?? '']
      return [name, type === 'metadata' ? metadataChanges(before, text) : readValue(type, text)]
    }),
  )
}

/** Fields of the patch that somebody else changed meanwhile to something else. */
export const conflictsOf = (kind: Kind, { texts: mine, was }: Submitted, now: Texts): Field[] =>
  fieldsOf(kind).filter(({ name }) => {
    const [ours, before, theirs] = [mine[name] ?? '', was[name] ?? '', now[name] ?? '']
    return !isSameText(ours, before) && !isSameText(theirs, before) && !isSameText(theirs, ours)
  })
