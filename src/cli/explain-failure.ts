/** In charge of how a failed command is told to a person: what is wrong, in one line, without a stack. */
import { ZodError } from 'zod'
import { postgresError } from '../db/postgres-error.ts'
import { AppError } from '../lib/errors.ts'
import { codeOf } from '../lib/system-error.ts'

export function explainFailure(error: unknown): string {
  if (error instanceof AppError)
    return [
      error.message,
      ...error.fieldErrors.map((fault) => `  ${fault.field} ${fault.detail}`),
    ].join('\n')
  if (error instanceof ZodError)
    return error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`).join('\n')
  const refused = postgresError(error)
  if (refused) return `Postgres refused: ${refused.message} (${refused.code})`
  if (codeOf(error) === 'ERR_INVALID_URL')
    return 'DATABASE_URL cannot be read. It looks like postgres://user:password@host:5432/database; a special character in the password is written in percent, such as %40 for @.'
  return error instanceof Error ? `storefeed failed: ${rootOf(error).message}` : 'storefeed failed.'
}

function rootOf(error: Error): Error {
  return error.cause instanceof Error ? rootOf(error.cause) : error
}
