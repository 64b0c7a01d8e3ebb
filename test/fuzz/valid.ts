/** In charge of trees that a JSON Schema allows, made mostly of ids that exist and of values that also keep the rules no schema can tell. */
import fc from 'fast-check'
import type { OpenApi } from '../support/contract.ts'
import { type Known, pick, poolOf } from './known.ts'
import { leaf, type Member, type Tree } from './tree.ts'

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

/** Where a value stands: under which name, in a record of which noun. */
export type Place = { name: string; holder: string }
/** `known` is what the caller knows for whom the next value is drawn. */
export type Source = { document: OpenApi; known: Known }

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
const niceTexts = [
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

export function validTree(source: Source, schema: Schema, place: Place): fc.Arbitrary<Tree> {
  if (schema.$ref !== undefined) return validTree(source, resolve(source, schema.$ref), place)
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map((one) => validTree(source, one, place)))
  if (schema.enum) return fc.constantFrom(...schema.enum.map(leaf))
  const [type = 'string', ...others] = [schema.type ?? []].flat()
  const tree = ofType(source, type, schema, place)
  return others.length === 0
    ? tree
    : fc.oneof({ weight: 4, arbitrary: tree }, { weight: 1, arbitrary: fc.constant(leaf(null)) })
}

function resolve({ document }: Source, ref: string): Schema {
  const found = document.components.schemas[ref.split('/').at(-1) ?? '']
  if (!found) throw new Error(`the document does not hold ${ref}`)
  return found
}

function ofType(source: Source, type: string, schema: Schema, place: Place): fc.Arbitrary<Tree> {
  switch (type) {
    case 'object':
      return objects(source, schema, place)
    case 'array':
      return arrays(source, schema, place)
    case 'boolean':
      return fc.boolean().map(leaf)
    case 'null':
      return fc.constant(leaf(null))
    case 'string':
      return validText(source, schema, place).map(leaf)
    default:
      return validNumber(source, type, schema, place).map(leaf)
  }
}

/** Without an e-mail, few know who is meant; an id that the path has too had better be the same. */
const likely: Record<string, number> = { email: 60, id: 1 }

function objects(source: Source, schema: Schema, place: Place): fc.Arbitrary<Tree> {
  const holder = place.name === 'customer' ? 'customers' : place.holder
  const properties = Object.entries(schema.properties ?? {}).map(([name, held]) => {
    const member = validTree(source, held, { name, holder }).map((tree): Member[] => [[name, tree]])
    if (schema.required?.includes(name)) return member
    const weight = likely[name] ?? 5
    return fc.oneof({ weight: 10, arbitrary: fc.constant([]) }, { weight, arbitrary: member })
  })
  const named = fc.tuple(...properties).map((members): Tree => ({ members: members.flat() }))
  const { additionalProperties } = schema
  if (typeof additionalProperties !== 'object' || properties.length > 0) return named
  const key = fc.constantFrom('color', 'size', 'constructor', 'toString', 'opening_hours', 'k1')
  const value = validTree(source, additionalProperties, place)
  return fc
    .uniqueArray(fc.tuple(key, value), { maxLength: 4, selector: ([name]) => name })
    .map((members) => ({ members }))
}

function arrays(source: Source, schema: Schema, { name, holder }: Place): fc.Arbitrary<Tree> {
  const { items = {}, minItems = 0, maxItems = 3 } = schema
  const inner = { name, holder: name === 'items' ? holder : name }
  return fc
    .array(validTree(source, items, inner), {
      minLength: minItems,
      maxLength: Math.min(maxItems, minItems + 3),
    })
    .map((trees) => ({ items: withoutRepeats(trees) }))
}

/** Most lists here may name nothing twice, which no schema says of objects. */
const withoutRepeats = (trees: Tree[]) => [
  ...new Map(trees.map((tree) => [JSON.stringify(tree), tree])).values(),
]

function validText(source: Source, schema: Schema, place: Place): fc.Arbitrary<string> {
  if (schema.enum) return fc.constantFrom(...schema.enum.map(String))
  if (schema.example !== undefined) return fc.constant(schema.example)
  if (schema.pattern !== undefined) return fc.stringMatching(new RegExp(schema.pattern))
  if (schema.format === 'date-time') return validTime
  if (place.name === 'email') return fc.nat(30).map((n) => `person-${n}@example.org`)
  if (place.name === 'id' || /_ids?$/.test(place.name) || place.name === 'cursor')
    return knownText(source, place)
  if (place.name === 'currency') return fc.constantFrom('USD', 'EUR', 'JPY')
  const { maxLength = 100_000 } = schema
  return fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...niceTexts) },
    { weight: 3, arbitrary: shortText },
    { weight: maxLength > 3000 ? 0 : 1, arbitrary: fc.constant('x'.repeat(maxLength)) },
  )
}

/** One that was seen in an answer, or else one that a caller would think of. */
function knownText(source: Source, { name, holder }: Place): fc.Arbitrary<string> {
  const pool = poolOf(name, holder)
  const seen = fc.nat().map((place) => pick(source.known, pool, place) ?? `${pool}-0`)
  const made = (most: number) => fc.nat(most).map((number) => `${pool}-${number}`)
  const weight = name === 'id' ? 1 : 0
  return fc.oneof(
    { weight: 5, arbitrary: seen },
    { weight: 3 * weight, arbitrary: made(15) },
    { weight: 2 * weight, arbitrary: made(5000) },
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
  place: Place,
): fc.Arbitrary<number> {
  const least = minimum ?? exclusiveMinimum + 1
  if (place.name === 'line') return fc.integer({ min: least, max: least + 1 })
  const integer = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: least, max: Math.min(maximum, least + 20) }) },
    { weight: 1, arbitrary: fc.constantFrom(Math.ceil(least), Math.floor(maximum)) },
  )
  if (place.name === 'id') return knownText(source, place).map((text) => Number(text) || 1)
  if (type === 'integer') return integer
  const cents = fc.integer({ min: 1, max: 9000 }).map((count) => count / 100)
  return fc.oneof(integer, cents)
}
