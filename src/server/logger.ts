/** The log: JSON lines without secrets or personal data. */
import { type Logger, pino } from 'pino'
import { postgresError } from '../db/postgres-error.ts'
import { mask } from '../lib/mask.ts'

export function createLogger(level: string): Logger {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: describeError },
  })
}

/**
 * The message of a failed query contains its parameters, and Postgres's detail contains rows;
 * neither is logged, nor anything quoted in a message. The rest says where it failed and why.
 */
export function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: 'a value that is not an error was thrown' }
  const cause = postgresError(error)
  if (cause)
    return {
      code: cause.code,
      message: messageOf(cause),
      constraint: cause.constraint,
      at: stackOf(error),
    }
  const nested = error.cause === undefined ? {} : { cause: describeError(error.cause) }
  const hidden = error.message.startsWith('Failed query')
  return {
    message: hidden ? 'a query failed' : mask(withoutQuoted(error.message)),
    ...('code' in error ? { code: error.code } : {}),
    at: stackOf(error),
    ...nested,
  }
}

const withoutQuoted = (message: string) => message.replace(/".*"/s, '"…"')

/** SQLSTATE classes whose messages name only tables and the state of the server. */
const isFreeOfValues = /^(08|25|28|3D|40|42|53|54|55|57|58|XX)/

/** A message about an invalid value contains it; one raised by a merchant's own trigger may contain anything. */
function messageOf({
  code = '',
  message,
  constraint,
  column,
}: NonNullable<ReturnType<typeof postgresError>>): string {
  if (code.startsWith('22')) return mask(withoutQuoted(message))
  const brokenRule = code.startsWith('23') && (constraint ?? column) !== undefined
  return brokenRule || isFreeOfValues.test(code) ? mask(message) : 'the database rejected it'
}

/** Without its first lines, which repeat the message. */
function stackOf(error: Error): string[] {
  return (error.stack ?? '')
    .replace(error.message, '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('at '))
    .slice(0, 8)
}
