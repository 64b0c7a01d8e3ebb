/** The columns that a table of records may have: the fields of the schema, nested ones with dots. */
import { z } from 'zod'
import type { CellKind } from './cells.ts'

export type Column = {
  /** Of `metadata.color` or `items.product_id`. */
  path: string[]
  kind: CellKind
  /** Whether it belongs to a list of objects: each row of the table holds one of them. */
  repeated: boolean
}

export type Columns = {
  /** Undefined when there is no such column. */
  find: (name: string) => Column | undefined
  /** Those with a fixed name, which keys of metadata do not have. */
  names: string[]
  /** Each entry lists columns of which a table must have at least one. */
  required: string[][]
}

/** Derives them from the schema, so that a field is declared once. */
export function columnsOf(schema: unknown): Columns {
  const columns = new Map<string, Column>()
  const records: string[] = []
  const required: string[][] = []
  collect(schema, [], false)
  return { find, names: [...columns.keys()], required }

  function collect(member: unknown, path: string[], repeated: boolean): void {
    const inner = unwrap(member)
    const name = path.join('.')
    if (inner instanceof z.ZodObject) collectObject(inner, path, repeated)
    else if (inner instanceof z.ZodRecord) records.push(name)
    else if (inner instanceof z.ZodArray && unwrap(inner.element) instanceof z.ZodObject)
      collect(inner.element, path, true)
    else columns.set(name, { path, kind: cellKindOf(inner), repeated })
  }

  function collectObject(object: z.ZodObject, path: string[], repeated: boolean): void {
    for (const [field, member] of Object.entries(object.shape)) {
      const before = columns.size
      collect(member, [...path, field], repeated)
      const isRequired =
        path.length === 0 && member instanceof z.ZodType && !member.safeParse(undefined).success
      if (isRequired) required.push([...columns.keys()].slice(before))
    }
  }

  function find(name: string): Column | undefined {
    const record = records.find((one) => name.startsWith(`${one}.`) && name.length > one.length + 1)
    if (record === undefined) return columns.get(name)
    const path = [...record.split('.'), name.slice(record.length + 1)]
    return { path, kind: 'scalar', repeated: false }
  }
}

/** Without optional, nullable and default. */
function unwrap(schema: unknown): unknown {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault
  )
    return unwrap(schema.unwrap())
  return schema
}

function cellKindOf(schema: unknown): CellKind {
  if (schema instanceof z.ZodBoolean) return 'boolean'
  if (schema instanceof z.ZodNumber) return 'number'
  if (schema instanceof z.ZodISODateTime) return 'time'
  if (schema instanceof z.ZodArray) return 'list'
  if (schema instanceof z.ZodUnion) return schema.options.every(isNumber) ? 'number' : 'text'
  return 'text'
}

const isNumber = (schema: unknown) =>
  schema instanceof z.ZodLiteral && [...schema.values].every((value) => typeof value === 'number')
