/** Reads times as shops and spreadsheets write them. */
import type { CellFormat } from './cell-formats.ts'
import type { CellValue } from './cells.ts'

const isoDate = 'yyyy-mm-dd'
const timeOfDay =
  /^(?:[T ,]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?: ?([ap])\.?m\.?)?)?(?: ?(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?))?$/i

type Local = { date: number; timeOfDay: number; offset: string | undefined }

/** ISO 8601 in UTC. What is not wholly understood is not guessed. */
export function readTime(cell: string, { dates = isoDate, timezone }: CellFormat): CellValue {
  const local = [dates, isoDate].flatMap((pattern) => readLocal(cell.trim(), pattern) ?? [])[0]
  if (!local || (local.offset === undefined && timezone === undefined))
    return { value: cell, wanted: wantedTime(dates, timezone) }
  const ms = local.date + local.timeOfDay
  const offsetMs =
    local.offset === undefined ? zoneOffset(timezone ?? 'UTC', ms) : fixedOffset(local.offset)
  return { value: new Date(ms - offsetMs).toISOString() }
}

function wantedTime(dates: string, timezone: string | undefined): string {
  const isIso = dates === isoDate
  const shown = isIso ? '2026-01-31T09:30:00Z' : `${example(dates)} 09:30`
  const offset =
    timezone === undefined ? ' with an offset (--timezone Europe/Berlin for times without one)' : ''
  return `must be a time${offset}, such as ${shown}${isIso ? ' (--dates dd.mm.yyyy for other dates)' : ''}`
}

function readLocal(text: string, pattern: string): Local | undefined {
  const found = datePattern(pattern).exec(text)
  const time = timeOfDay.exec(text.slice(found?.[0].length ?? 0))
  const date = found && dateOf(found.groups ?? {})
  if (!time || typeof date !== 'number') return undefined
  const ms = msOfDay(time)
  return ms === undefined ? undefined : { date, timeOfDay: ms, offset: time[6] }
}

/** Undefined for a time that there is not, such as 25:00 or 13:00 pm. */
function msOfDay([, hour = '0', minute = '0', second = '0', fraction = '', half]: string[]) {
  const isAfternoon = half?.toLowerCase() === 'p'
  const hours = half ? (Number(hour) % 12) + (isAfternoon ? 12 : 0) : Number(hour)
  const isHour = half ? Number(hour) >= 1 && Number(hour) <= 12 : hours <= 23
  if (!isHour || Number(minute) > 59 || Number(second) > 59) return undefined
  const ms = Number(fraction.padEnd(3, '0').slice(0, 3))
  return ((hours * 60 + Number(minute)) * 60 + Number(second)) * 1_000 + ms
}

const tokens: Record<string, string> = {
  yyyy: '(?<year>\\d{4})',
  yy: '(?<shortYear>\\d{2})',
  mm: '(?<month>\\d{1,2})',
  m: '(?<month>\\d{1,2})',
  dd: '(?<day>\\d{1,2})',
  d: '(?<day>\\d{1,2})',
}
const token = /yyyy|yy|mm|m|dd|d|[^a-z]/gi
const patterns = new Map<string, RegExp>()

/** Whether it names a year, a month and a day, each once, and nothing else. */
export const isDatePattern = (pattern: string): boolean =>
  pattern.replace(token, '') === '' &&
  ['y', 'm', 'd'].every((letter) => pattern.match(new RegExp(`${letter}+`, 'gi'))?.length === 1)

function datePattern(pattern: string): RegExp {
  const known = patterns.get(pattern)
  if (known) return known
  const source = pattern.replace(token, (part) => tokens[part.toLowerCase()] ?? `\\${part}`)
  const made = new RegExp(`^${source}(?!\\d)`)
  patterns.set(pattern, made)
  return made
}

const example = (pattern: string) =>
  pattern.replace(token, (part) => {
    const shown = { yyyy: '2026', yy: '26', mm: '01', m: '1', dd: '31', d: '31' }[
      part.toLowerCase()
    ]
    return shown ?? part
  })

/** Undefined for a day that there is not, such as the 30th of February. */
function dateOf(groups: Record<string, string | undefined>): number | undefined {
  const year = Number(groups.year ?? `20${groups.shortYear}`)
  const [month, day] = [Number(groups.month), Number(groups.day)]
  const date = new Date(Date.UTC(year, month - 1, day))
  const exists = date.getUTCMonth() === month - 1 && date.getUTCDate() === day
  return exists ? date.getTime() : undefined
}

function fixedOffset(offset: string): number {
  const [, sign, hours = '0', minutes = '0'] = /^([+-])(\d{2}):?(\d{2})?$/.exec(offset) ?? []
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
}

const zones = new Map<string, Intl.DateTimeFormat>()

/** Throws a RangeError for an unknown zone. */
export function zoneFormat(timeZone: string): Intl.DateTimeFormat {
  const known = zones.get(timeZone)
  if (known) return known
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  zones.set(timeZone, format)
  return format
}

/** Of the local time, given as if it were UTC; in the hour that autumn repeats, the earlier of both. */
function zoneOffset(timeZone: string, local: number): number {
  const day = 86_400_000
  const [before, after] = [offsetAt(timeZone, local - day), offsetAt(timeZone, local + day)]
  return offsetAt(timeZone, local - before) === before ? before : after
}

function offsetAt(timeZone: string, instant: number): number {
  const parts = zoneFormat(timeZone).formatToParts(instant)
  const [year = 0, month = 1, ...rest] = ['year', 'month', 'day', 'hour', 'minute', 'second'].map(
    (type) => Number(parts.find((part) => part.type === type)?.value),
  )
  return Date.UTC(year, month - 1, ...rest) - Math.floor(instant / 1000) * 1000
}
