/** In charge of the log: JSON lines that hold no secret and nothing of a person. */
import { type Logger, pino } from 'pino'
import { postgresError } from './db/postgres-error.ts'

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
 * rows; neither is logged. What is left says where it failed and why.
 */
export function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: 'something that is no error was thrown' }
  const cause = postgresError(error)
  if (cause)
    return {
      code: cause.code,
      message: cause.message,
      constraint: cause.constraint_name,
      at: placesOf(error),
    }
  const below = error.cause === undefined ? {} : { cause: describeError(error.cause) }
  const hidden = error.message.startsWith('Failed query')
  return {
    message: hidden ? 'a query failed' : error.message,
    ...('code' in error ? { code: error.code } : {}),
    at: placesOf(error),
    ...below,
  }
}

/** The stack without its first lines, which repeat the message. */
function placesOf(error: Error): string[] {
  return (error.stack ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('at '))
    .slice(0, 8)
}
