/** JSON that a schema allows: mostly with existing ids, and with values that also satisfy rules a schema cannot express. */
import fc from 'fast-check'
import type { OpenApi } from '../support/contract.ts'
import { leaf, type Member, type Tree } from './json-tree.ts'
import { type ObservedValues, pick, poolOf } from './observed-values.ts'

export type Schema = {
  $ref?: string
  type?: string | string[]
  enum?: (string | number | boolean)[]
  anyOf?: Schema[]
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: Schema | boolean
  items?: Schema
  minItems?: number
  maxItems?: number
  minLength?: number
  maxLength?: number
  minimum?: number
  exclusiveMinimum?: number
  maximum?: number
  pattern?: string
  format?: string
  example?: string
}

/** The name of a field, and the resource it belongs to. */
export type Field = { name: string; parent: string }
/** `observed` has the values of the client for which the next request is generated. */
export type Source = { document: OpenApi; observed: ObservedValues }

const words = [
  'Dutch Oven',
  'Baster',
  'n/a',
  'Boston',
  'red',
  'x',
  'Kitchen Supplies',
  'US',
  '02116',
]
const typicalTexts = [
  ...words,
  '8″ Pfanne <b>&',
  'قدر',
  '鍋 👨‍🍳',
  'e\u0301',
  'a,b',
  '"q"',
  ']]>',
  ' y ',
]

const shortText = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 })

export function validTree(source: Source, schema: Schema, field: Field): fc.Arbitrary<Tree> {
  if (schema.$ref !== undefined) return validTree(source, resolve(source, schema.$ref), field)
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map((one) => validTree(source, one, field)))
  if (schema.enum) return fc.constantFrom(...schema.enum.map(leaf))
  const [type = 'string', ...others] = [schema.type ?? []].flat()
  const tree = ofType(source, type, schema, field)
  return others.length === 0
    ? tree
    : fc.oneof({ weight: 4, arbitrary: tree }, { weight: 1, arbitrary: fc.constant(leaf(null)) })
}

function resolve({ document }: Source, ref: string): Schema {
  const found = document.components.schemas[ref.split('/').at(-1) ?? '']
  if (!found) throw new Error(`the document has no ${ref}`)
  return found
}

function ofType(source: Source, type: string, schema: Schema, field: Field): fc.Arbitrary<Tree> {
  switch (type) {
    case 'object':
      return objects(source, schema, field)
    case 'array':
      return arrays(source, schema, field)
    case 'boolean':
      return fc.boolean().map(leaf)
    case 'null':
      return fc.constant(leaf(null))
    case 'string':
      return validText(source, schema, field).map(leaf)
    default:
      return validNumber(source, type, schema, field).map(leaf)
  }
}

/**
 * Besides the usual 10 for leaving it out. Without an e-mail most customers are unknown; an id in the body must equal that
 * of the path; a file does not tell its kind.
 */
export const weights: Record<string, number> = { email: 60, id: 1, kind: 60 }

function objects(source: Source, schema: Schema, field: Field): fc.Arbitrary<Tree> {
  const parent = field.name === 'customer' ? 'customers' : field.parent
  const properties = Object.entries(schema.properties ?? {}).map(([name, held]) => {
    const member = validTree(source, held, { name, parent }).map((tree): Member[] => [[name, tree]])
    if (schema.required?.includes(name)) return member
    const weight = weights[name] ?? 5
    return fc.oneof({ weight: 10, arbitrary: fc.constant([]) }, { weight, arbitrary: member })
  })
  const named = fc.tuple(...properties).map((members): Tree => ({ members: members.flat() }))
  const { additionalProperties } = schema
  if (typeof additionalProperties !== 'object' || properties.length > 0) return named
  const key = fc.constantFrom('color', 'size', 'constructor', 'toString', 'opening_hours', 'k1')
  const value = validTree(source, additionalProperties, field)
  return fc
    .uniqueArray(fc.tuple(key, value), { maxLength: 4, selector: ([name]) => name })
    .map((members) => ({ members }))
}

function arrays(source: Source, schema: Schema, { name, parent }: Field): fc.Arbitrary<Tree> {
  const { items = {}, minItems = 0, maxItems = 3 } = schema
  const inner = { name, parent: name === 'items' ? parent : name }
  return fc
    .array(validTree(source, items, inner), {
      minLength: minItems,
      maxLength: Math.min(maxItems, minItems + 3),
    })
    .map((trees) => ({ items: withoutDuplicates(trees) }))
}

/** Most lists must not have duplicates, which the schemas cannot express for objects. */
const withoutDuplicates = (trees: Tree[]) => [
  ...new Map(trees.map((tree) => [JSON.stringify(tree), tree])).values(),
]

function validText(source: Source, schema: Schema, field: Field): fc.Arbitrary<string> {
  if (schema.enum) return fc.constantFrom(...schema.enum.map(String))
  if (schema.example !== undefined) return fc.constant(schema.example)
  // An id that the server gives: any other of its form is unknown.
  if (schema.format === 'uuid') return observedText(source, field)
  if (schema.pattern !== undefined) return fc.stringMatching(new RegExp(schema.pattern))
  if (schema.format === 'date-time') return validTime
  if (field.name === 'email') return fc.nat(30).map((n) => `person-${n}@example.org`)
  if (/^(id|ids|\w+_ids?)$/.test(field.name) || field.name === 'cursor')
    return observedText(source, field)
  if (field.name === 'currency') return fc.constantFrom('USD', 'EUR', 'JPY')
  const { maxLength = 100_000 } = schema
  return fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...typicalTexts) },
    { weight: 3, arbitrary: shortText },
    { weight: maxLength > 3000 ? 0 : 1, arbitrary: fc.constant('x'.repeat(maxLength)) },
  )
}

/** A value from a response, or one in a typical format. */
function observedText(source: Source, { name, parent }: Field): fc.Arbitrary<string> {
  const pool = poolOf(name, parent)
  const seen = fc.nat().map((field) => pick(source.observed, pool, field) ?? `${pool}-0`)
  const generated = (most: number) => fc.nat(most).map((number) => `${pool}-${number}`)
  const weight = name === 'id' ? 1 : 0
  return fc.oneof(
    { weight: 5, arbitrary: seen },
    { weight: 3 * weight, arbitrary: generated(15) },
    { weight: 2 * weight, arbitrary: generated(5000) },
  )
}

const validTime: fc.Arbitrary<string> = fc
  .tuple(
    fc.integer({ min: Date.UTC(2019, 0, 1), max: Date.UTC(2026, 0, 1) }),
    fc.constantFrom('Z', '+05:30', '-08:00', '+14:00', '-12:00', '+15:59'),
  )
  .map(([time, offset]) => new Date(time).toISOString().replace('Z', offset))

function validNumber(
  source: Source,
  type: string,
  { minimum, exclusiveMinimum = -1000, maximum = 1000 }: Schema,
  field: Field,
): fc.Arbitrary<number> {
  const least = minimum ?? exclusiveMinimum + 1
  if (field.name === 'line') return fc.integer({ min: least, max: least + 1 })
  const integer = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: least, max: Math.min(maximum, least + 20) }) },
    { weight: 1, arbitrary: fc.constantFrom(Math.ceil(least), Math.floor(maximum)) },
  )
  if (field.name === 'id') return observedText(source, field).map((text) => Number(text) || 1)
  if (type === 'integer') return integer
  const cents = fc.integer({ min: 1, max: 9000 }).map((count) => count / 100)
  return fc.oneof(integer, cents)
}
