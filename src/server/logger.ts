/** In charge of the log: JSON lines that hold no secret and nothing of a person. */

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
 * The message of a failed query holds its parameters, and what Postgres adds in its detail holds
 * rows; neither is logged, nor what any message quotes. What is left says where it failed and why.
 */
export function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: 'something that is no error was thrown' }
  const cause = postgresError(error)
  if (cause)
    return {
      code: cause.code,
      message: messageOf(cause),
      constraint: cause.constraint,
      at: placesOf(error),
    }
  const below = error.cause === undefined ? {} : { cause: describeError(error.cause) }
  const hidden = error.message.startsWith('Failed query')
  return {
    message: hidden ? 'a query failed' : mask(withoutQuoted(error.message)),
    ...('code' in error ? { code: error.code } : {}),
    at: placesOf(error),
    ...below,
  }
}

const withoutQuoted = (message: string) => message.replace(/".*"/s, '"…"')

/** Of classes that tell of the shape of tables and the state of the server, and name nothing but them. */
const namesItsOwn = /^(08|25|28|3D|40|42|53|54|55|57|58|XX)/

/** One that says a value was bad shows the value; one that a trigger of the merchant's raises may say anything. */
function messageOf({
  code = '',
  message,
  constraint,
  column,
}: NonNullable<ReturnType<typeof postgresError>>): string {
  if (code.startsWith('22')) return mask(withoutQuoted(message))
  const brokenRule = code.startsWith('23') && (constraint ?? column) !== undefined
  return brokenRule || namesItsOwn.test(code) ? mask(message) : 'the database refused it'
}

/** The stack without its first lines, which repeat the message. */
function placesOf(error: Error): string[] {
  return (error.stack ?? '')
    .replace(error.message, '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('at '))
    .slice(0, 8)
}
