/** Finds what is invalid in a large value step by step, so that the event loop runs in between and few issues are enough. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { z } from 'zod'
import { maxFieldErrors } from './errors.ts'
import { isObject } from './is-object.ts'
import { errorMap, maxRecordKeys } from './validation.ts'

type Issue = z.core.$ZodIssue
type Path = PropertyKey[]

const turnMs = 20

/**
 * The issues of single fields and the sizes of lists, at most {@link maxFieldErrors}, sizes before content; not those of rules
 * that concern several fields. For a value without issues the whole schema is still to be checked, which is then quick.
 */
export async function findIssues(schema: z.ZodType, value: unknown): Promise<Issue[]> {
  const issues: Issue[] = []
  let turnEnds = performance.now() + turnMs
  for (const found of walk(schema, value, [])) {
    for (const issue of found) issues.push(issue)
    if (issues.length >= maxFieldErrors) break
    if (performance.now() > turnEnds) {
      await nextTurn()
      turnEnds = performance.now() + turnMs
    }
  }
  return issues.slice(0, maxFieldErrors)
}

/** Yields after each step, with what it found. */
function* walk(schema: z.ZodType, value: unknown, path: Path): Generator<Issue[]> {
  const inner = unwrap(schema)
  if (inner instanceof z.ZodArray && Array.isArray(value)) yield* walkList(inner, value, path)
  else if (inner instanceof z.ZodObject && isObject(value)) yield* walkObject(inner, value, path)
  else if (inner instanceof z.ZodRecord && isObject(value)) yield* walkRecord(inner, value, path)
  else yield issuesOf(schema, value, path)
}

function* walkList(list: z.ZodArray, entries: unknown[], path: Path): Generator<Issue[]> {
  const { element } = list
  const { maximum } = list._zod.bag
  if (typeof maximum === 'number' && entries.length > maximum)
    yield issuesOf(z.array(z.unknown()).max(maximum), entries, path)
  else if (element instanceof z.ZodType)
    for (const [index, entry] of entries.entries()) yield* walk(element, entry, [...path, index])
}

function* walkObject(
  object: z.ZodObject,
  fields: Record<string, unknown>,
  path: Path,
): Generator<Issue[]> {
  const unknown: string[] = []
  for (const key of Object.keys(fields)) {
    if (!Object.hasOwn(object.shape, key)) unknown.push(key)
    if (unknown.length === maxFieldErrors) break
  }
  if (unknown.length > 0) {
    const named = Object.fromEntries(unknown.map((key) => [key, fields[key]]))
    const issues = object.safeParse(named, { error: errorMap }).error?.issues ?? []
    yield issues
      .filter(({ code }) => code === 'unrecognized_keys')
      .map((issue) => ({ ...issue, path }))
  }
  for (const [key, schema] of Object.entries(object.shape))
    if (schema instanceof z.ZodType) yield* walk(schema, fields[key], [...path, key])
}

function* walkRecord(
  record: z.ZodRecord,
  fields: Record<string, unknown>,
  path: Path,
): Generator<Issue[]> {
  const entries = Object.entries(fields)
  if (entries.length > maxRecordKeys) {
    const message = `may hold at most ${maxRecordKeys} keys`
    yield [{ code: 'custom', path, message }]
  } else for (const [key, value] of entries) yield issuesOf(record, { [key]: value }, path)
}

function issuesOf(schema: z.ZodType, value: unknown, path: Path): Issue[] {
  const { error } = schema.safeParse(value, { error: errorMap })
  return (error?.issues ?? []).map((issue) => ({ ...issue, path: [...path, ...issue.path] }))
}

function unwrap(schema: z.ZodType): z.ZodType {
  const isWrapped =
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault
  if (!isWrapped) return schema
  const inner = schema.unwrap()
  return inner instanceof z.ZodType ? unwrap(inner) : schema
}
