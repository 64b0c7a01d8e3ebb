/** In charge of an error that nobody caught: it ends the process, and is told without what hangs on it. */
import { describeError } from '../server/logger.ts'

/** Node itself would print all of the error, as the parameters of a query. */
export function exitOnUncaught(): void {
  process.on('uncaughtException', (error) => {
    const told = { err: describeError(error), msg: 'storefeed failed and ends' }
    process.stderr.write(`${JSON.stringify(told)}\n`)
    process.exit(1)
  })
}
