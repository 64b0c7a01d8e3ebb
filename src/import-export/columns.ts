/** In charge of the columns that a table of drafts may have: the fields of the draft, a dot before each one within another. */
import { z } from 'zod'
import type { CellKind } from './cells.ts'

export type Column = {
  /** `metadata.color`, `items.product_id`. */
  path: string[]
  kind: CellKind
  /** Whether it is a column of what a draft may have several of: each row of the table holds one of them. */
  repeated: boolean
}

export type Columns = {
  /** Undefined when there is no such column. */
  find: (name: string) => Column | undefined
  /** Those that have a name of their own, as the metadata have not. */
  names: string[]
  /** Each a choice of columns, one of which a table must have. */
  required: string[][]
}

/** Reads the rules of the draft themselves, so that a field stands in one place only. */
export function columnsOf(draft: unknown): Columns {
  const columns = new Map<string, Column>()
  const open: string[] = []
  const required: string[][] = []
  collect(draft, [], false)
  return { find, names: [...columns.keys()], required }

  function collect(schema: unknown, path: string[], repeated: boolean): void {
    const inner = peel(schema)
    const name = path.join('.')
    if (inner instanceof z.ZodObject) collectObject(inner, path, repeated)
    else if (inner instanceof z.ZodRecord) open.push(name)
    else if (inner instanceof z.ZodArray && peel(inner.element) instanceof z.ZodObject)
      collect(inner.element, path, true)
    else columns.set(name, { path, kind: kindOf(inner), repeated })
  }

  function collectObject(schema: z.ZodObject, path: string[], repeated: boolean): void {
    for (const [field, member] of Object.entries(schema.shape)) {
      const before = columns.size
      collect(member, [...path, field], repeated)
      const needed =
        path.length === 0 && member instanceof z.ZodType && !member.safeParse(undefined).success
      if (needed) required.push([...columns.keys()].slice(before))
    }
  }

  function find(name: string): Column | undefined {
    const holder = open.find((one) => name.startsWith(`${one}.`) && name.length > one.length + 1)
    if (holder === undefined) return columns.get(name)
    const path = [...holder.split('.'), name.slice(holder.length + 1)]
    return { path, kind: 'fact', repeated: false }
  }
}

/** Without what only says that it may be left out. */
function peel(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable)
    return peel(schema.unwrap())
  return schema instanceof z.ZodDefault ? peel(schema.unwrap()) : schema
}

function kindOf(schema: unknown): CellKind {
  if (schema instanceof z.ZodBoolean) return 'boolean'
  if (schema instanceof z.ZodNumber) return 'number'
  if (schema instanceof z.ZodArray) return 'list'
  if (schema instanceof z.ZodUnion) return schema.options.every(isNumber) ? 'number' : 'text'
  return 'text'
}

const isNumber = (schema: unknown) =>
  schema instanceof z.ZodLiteral && [...schema.values].every((value) => typeof value === 'number')
