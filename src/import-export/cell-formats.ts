/** How a file writes numbers, yes and no. */
import type { CellValue } from './cells.ts'

export type CellFormat = {
  /** What separates decimals; undefined: a point, and a lone group of thousands is ambiguous. */
  decimal?: '.' | ',' | undefined
  /** Its signs and its code are taken off numbers. */
  currency: string
  /** Such as `dd.mm.yyyy`; undefined: ISO 8601. */
  dates?: string | undefined
  /** Of times without an offset; undefined: such times are rejected. */
  timezone?: string | undefined
}

const plainNumber = /^-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/
const groupSeparators = "[ \\u00a0\\u202f'’]"

export function readNumber(cell: string, format: CellFormat): CellValue {
  const { text, negative } = takeSign(takeCurrency(cell.trim(), format.currency))
  const digits = takeGroups(text, format.decimal)
  if (digits === undefined || !plainNumber.test(digits))
    return { value: cell, wanted: `must be a number${numberHint(text, format)}` }
  return { value: negative ? -Number(digits) : Number(digits) }
}

/** Without thousands and with a point; undefined when it is ambiguous or no number. */
function takeGroups(text: string, decimal: CellFormat['decimal']): string | undefined {
  if (decimal !== ',' && plainNumber.test(text)) return text
  const point = decimal === ',' ? ',' : '.'
  const group = decimal === ',' ? `(?:\\.|${groupSeparators})` : `(?:,|${groupSeparators})`
  const grouped = new RegExp(`^\\d{1,3}(?:${group}\\d{3})+(?:\\${point}\\d*)?$`)
  const ungrouped = new RegExp(`^(?:\\d+(?:\\${point}\\d*)?|\\${point}\\d+)$`)
  if (ungrouped.test(text)) return text.replace(point, '.')
  if (!grouped.test(text)) return undefined
  // 1,234 is a thousand or a little more than one: which, only the option says.
  if (decimal === undefined && /^\d{1,3},\d{3}$/.test(text)) return undefined
  return text.replace(new RegExp(group, 'g'), '').replace(point, '.')
}

function numberHint(text: string, { decimal, currency }: CellFormat): string {
  const other = decimal === ',' ? '.' : ','
  if (takeGroups(text, other) !== undefined)
    return ` with a decimal ${decimal === ',' ? 'comma' : 'point'} (if the file writes a ${decimal === ',' ? 'point' : 'comma'}: --decimal ${other})`
  return /\d/.test(text) && /[\p{Sc}\p{L}]/u.test(text) ? `, in ${currency} if it is an amount` : ''
}

/** A minus in front, behind a currency sign, or the brackets of accountants. */
function takeSign(text: string): { text: string; negative: boolean } {
  const [, inBrackets] = /^\((.+)\)$/.exec(text) ?? []
  if (inBrackets !== undefined) return { text: inBrackets, negative: true }
  const negative = /^[-−]/.test(text)
  return { text: negative ? text.slice(1) : text, negative }
}

const knownSigns = new Map<string, string[]>()

/** `$`, `US$` and `USD` for USD, the longest first. */
function signsOf(currency: string): string[] {
  const known = knownSigns.get(currency)
  if (known) return known
  const sign = (currencyDisplay: 'symbol' | 'narrowSymbol') =>
    new Intl.NumberFormat('en', { style: 'currency', currency, currencyDisplay })
      .formatToParts(1)
      .flatMap((part) => (part.type === 'currency' ? [part.value] : []))
  const narrow = sign('narrowSymbol')
  const prefixed = narrow.map((one) => currency.slice(0, 2) + one)
  const signs = [...new Set([currency, ...prefixed, ...sign('symbol'), ...narrow])]
  signs.sort((a, b) => b.length - a.length)
  knownSigns.set(currency, signs)
  return signs
}

function takeCurrency(text: string, currency: string): string {
  if (/^[\d.,-]*$/.test(text)) return text
  const upper = text.toUpperCase()
  for (const sign of signsOf(currency)) {
    const found = upper.indexOf(sign.toUpperCase())
    if (found < 0) continue
    const [before, after] = [text.slice(0, found), text.slice(found + sign.length)]
    if (/^[(\-−]?$/.test(before)) return before + after.trim()
    if (/^\)?$/.test(after)) return before.trim() + after
  }
  return text
}

const yes =
  'true yes y 1 on t ja j oui sí si sì sim tak kyllä evet ano áno igen da да wahr vrai verdadero vero verdadeiro 是 はい'
const no =
  'false no n 0 off f nein nee nej nei non não nao nie ei hayır hayir ne nem nu нет falsch faux falso 否 いいえ'
const booleans = new Map([
  ...yes.split(' ').map((word): [string, boolean] => [word, true]),
  ...no.split(' ').map((word): [string, boolean] => [word, false]),
])

const booleanOf = (text: string) => booleans.get(text.trim().toLowerCase())
export const isBooleanText = (text: string) => booleanOf(text) !== undefined
export const readBoolean = (text: string) => booleanOf(text) === true
