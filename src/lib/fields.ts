/** The types of fields, and what each of them may hold. */
import { z } from 'zod'
import { maxRecordKeys } from './validation.ts'

/** Postgres stores no NUL, and half a surrogate pair is no character. */
const storable = (value: string) => !/[\0\p{Cs}]/u.test(value)

const forbiddenInId = /[\p{Cc}\ufffe\uffff,]/u

export const text = (maxLength: number) =>
  z
    .string()
    .max(maxLength)
    .refine(storable, 'holds a character that cannot be stored: NUL or half of a surrogate pair')

/** A merchant's own key; the database holds the same rule as a CHECK. */
export const id = text(255)
  .min(1)
  .refine((value) => value === value.trim(), 'must not begin or end with white space')
  .refine((value) => !forbiddenInId.test(value), 'must not hold a comma or a control character')

/** A character that can be seen, by JavaScript's classes and by Postgres's whatever its locale. */
const visible = /[^\s\p{Cc}\p{Cf}]/u

export const title = text(1000).refine((value) => visible.test(value), 'must not be blank')

/** Null or absent: the field takes its default. */
export const optional = <T extends z.ZodType>(schema: T) => schema.nullable().optional()

export const url = text(2048)

/** A link or a picture of the catalog: the feed has room for one. */
export const address = url.refine(
  (value) => !/[\s,;|]https?:\/\//i.test(value.trim()),
  'holds several addresses: give one',
)

/** Weighted 3, 1, 3, … from the right, the other digits and the check digit sum to a multiple of ten (GS1 General Specifications 7.9). */
function checkDigit(digits: string): number {
  const weighted = [...digits].reverse().map((digit, index) => Number(digit) * (index % 2 ? 1 : 3))
  return (10 - (weighted.reduce((sum, value) => sum + value, 0) % 10)) % 10
}

/** A GTIN-8, -12 (UPC), -13 (EAN) or -14; the database holds the same rule as a CHECK. */
export const gtin = z
  .string()
  .regex(/^([0-9]{8}|[0-9]{12,14})$/, { error: 'must have 8, 12, 13 or 14 digits', abort: true })
  .superRefine((value, context) => {
    const expected = checkDigit(value.slice(0, -1))
    if (!value.endsWith(String(expected)))
      context.addIssue(`has a wrong check digit: ${value} should end with ${expected}`)
  })

export const maxCategories = 500
export const category = text(255)
export const categories = z.array(category).max(maxCategories)

const metadataKey = z
  .string()
  .regex(
    /^[A-Za-z][A-Za-z0-9_]{0,254}$/,
    'must begin with a letter and hold only letters, digits and _',
  )
const metadataValue = z.union(
  [text(20_000), z.number().min(-1e300).max(1e300), z.boolean()],
  'must be one text, number or boolean',
)

/** The merchant's own fields, flat; their keys become keys of a feed item, so `reserved` ones may not be used. */
export const metadata = (reserved: readonly string[]) => metadataOf(reserved, metadataValue)

export const metadataRecord = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]))

/** As a JSON merge patch: null removes a key. */
export const metadataPatch = (reserved: readonly string[]) =>
  metadataOf(reserved, metadataValue.nullable())

function metadataOf<T extends z.ZodType>(reserved: readonly string[], value: T) {
  const key = metadataKey.refine(
    (name) => !reserved.includes(name),
    'is a name that the feed uses itself',
  )
  return z
    .record(key, value)
    .refine(
      (given) => Object.keys(given).length <= maxRecordKeys,
      `may hold at most ${maxRecordKeys} keys`,
    )
}

export const ids = (max: number) =>
  z
    .array(id)
    .max(max)
    .refine((given) => new Set(given).size === given.length, 'names an id twice')

export const links = ids(40_000)

/** An instant; ISO 8601 with an offset. */
export const instant = z.iso.datetime({
  offset: true,
  abort: true,
  error: 'must be an ISO 8601 time with an offset, such as 2026-01-31T09:30:00Z',
})

const yearMs = 366 * 86_400_000

/** Postgres does not read every offset that ISO 8601 allows. */
const inUtc = (time: string) =>
  Number.isNaN(Date.parse(time)) ? time : new Date(time).toISOString()

/** When something happened, in UTC: Klaviyo takes what is after 1990 and at most a year ahead. */
export const eventTime = instant
  .refine((time) => Date.parse(time) >= Date.UTC(1991, 0, 1), 'must be after the year 1990')
  .refine((time) => Date.parse(time) <= Date.now() + yearMs, 'must be at most a year ahead')
  .overwrite(inUtc)

const tenThousandths = (value: number) => Math.round(Math.abs(value) * 10_000)

/** What adding doubles leaves behind, such as 59.970000000000006: far less than a fifth decimal, however many were added. */
const noise = (value: number) => Math.min(5e-6, 1e-9 + Math.abs(value) * 1e-12)

/** To four decimals, half away from zero; never -0. */
const toFourDecimals = (value: number) => Math.sign(value) * (tenThousandths(value) / 10_000) || 0

/** As the columns hold it: four decimals. The noise of floating-point sums is rounded away. */
export const decimal = (min: number, max: number) =>
  z
    .number()
    .min(min)
    .max(max)
    .refine(
      (value) => Math.abs(value - toFourDecimals(value)) <= noise(value),
      'may have at most four decimals',
    )
    .overwrite(toFourDecimals)

export const maxMoney = 9_999_999_999

export const money = decimal(0, maxMoney)

/** Below zero where more was returned than sold. */
export const signedMoney = decimal(-maxMoney, maxMoney)
