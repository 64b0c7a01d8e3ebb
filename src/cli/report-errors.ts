/** Errors of the command line: a sentence without a stack for the user, a log line for what nobody caught. */
import { ZodError } from 'zod'
import { postgresError } from '../db/postgres-error.ts'
import { AppError } from '../lib/errors.ts'
import { codeOf } from '../lib/system-error.ts'
import { describeError } from '../server/logger.ts'

export function explainError(error: unknown): string {
  if (error instanceof AppError)
    return [
      error.message,
      ...error.fieldErrors.map(({ field, detail }) => `  ${field} ${detail}`),
    ].join('\n')
  if (error instanceof ZodError)
    return error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`).join('\n')
  const fromPostgres = postgresError(error)
  if (fromPostgres)
    return `Postgres reported an error: ${fromPostgres.message} (${fromPostgres.code})`
  if (codeOf(error) === 'ERR_INVALID_URL')
    return 'DATABASE_URL is not a valid URL. It looks like postgres://user:password@host:5432/database; percent-encode special characters in the password, such as %40 for @.'
  return error instanceof Error
    ? `storefeed failed: ${rootCause(error).message}`
    : 'storefeed failed.'
}

function rootCause(error: Error): Error {
  return error.cause instanceof Error ? rootCause(error.cause) : error
}

/** Node itself would print the whole error, including the parameters of a query. */
export function exitOnUncaught(): void {
  process.on('uncaughtException', (error) => {
    const line = { err: describeError(error), msg: 'storefeed failed and exits' }
    process.stderr.write(`${JSON.stringify(line)}\n`)
    process.exit(1)
  })
}
