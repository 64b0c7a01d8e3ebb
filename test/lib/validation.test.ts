/** Messages of faulty fields name the value, and never hold a text of zod's own. */
import { expect, test } from 'vitest'
import { z } from 'zod'
import { productInput } from '../../src/catalog/products.ts'
import { errorMap, fieldErrors } from '../../src/lib/validation.ts'

function errorsOf(schema: z.ZodType, given: unknown): string[] {
  const read = schema.safeParse(given, { error: errorMap })
  return read.success
    ? []
    : fieldErrors(read.error.issues).map(({ field, detail }) => `${field} ${detail}`)
}

const tags = z.array(z.string()).min(1).max(2)
const schema = z
  .strictObject({ price: z.number(), n: z.int().min(2), name: z.string().min(2).max(3), tags })
  .partial()

test.each([
  [{ price: '19,90' }, 'price must be a number, got "19,90"'],
  [{ price: true }, 'price must be a number, got true'],
  [{ price: null }, 'price must be a number, got null'],
  [{ price: { secret: 1 } }, 'price must be a number, got an object'],
  [{ price: ['secret'] }, 'price must be a number, got an array'],
  [{ price: 'x'.repeat(1000) }, `price must be a number, got "${'x'.repeat(40)}…"`],
  [{ price: `${'x'.repeat(39)}🍲` }, `price must be a number, got "${'x'.repeat(39)}\\ud83c…"`],
  [{ n: 1.5 }, 'n must be a whole number, got 1.5'],
  [{ n: 1 }, 'n must be at least 2, got 1'],
  [{ name: 'x' }, 'name must have at least 2 characters, got 1'],
  [{ name: 'four' }, 'name must have at most 3 characters, got 4'],
  [{ tags: 'a' }, 'tags must be an array, got "a"'],
  [{ tags: [] }, 'tags must have at least 1 entry, got 0'],
  [{ tags: ['a', 'b', 'c'] }, 'tags must have at most 2 entries, got 3'],
  [{ tags: [5] }, 'tags.0 must be a string, got 5'],
  [{ colour: 1 }, 'colour unknown field (the known ones: price, n, name, tags)'],
  ['text', ' must be an object, got "text"'],
])('%j: %s', (given, error) => {
  expect(errorsOf(schema, given)).toEqual([error])
})

test('a missing field, a choice and a format', () => {
  const needed = z.object({ id: z.string(), level: z.enum(['a', 'b']), at: z.iso.date() })
  expect(errorsOf(needed, { level: 'c', at: 'now' })).toEqual([
    'id is missing',
    'level must be one of a, b, got "c"',
    'at is not valid, got "now"',
  ])
})

test('a key of metadata says what is wrong with it', () => {
  expect(errorsOf(productInput, { id: 'x', title: 'x', metadata: { brand: 1, 'a-b': 2 } })).toEqual(
    [
      'metadata.brand is a name that the feed uses itself',
      'metadata.a-b must begin with a letter and hold only letters, digits and _',
    ],
  )
})

test('at most fifty known fields are listed', () => {
  const shape = Object.fromEntries(
    Array.from({ length: 60 }, (_, n) => [`f${n}`, z.string().optional()]),
  )
  const [error = ''] = errorsOf(z.strictObject(shape), { x: 1 })
  expect(error).toMatch(/^x unknown field \(the known ones: f0, .*, f49, …\)$/)
  expect(errorsOf(z.strictObject({}), { x: 1 })).toEqual(['x unknown field'])
})
