/** In charge of a fault of postgres.js: it writes to a connection that closed a moment before, which would end the process. */

/**
 * The write comes from a timer, so nobody else can catch it (porsager/postgres#1208, not mended in
 * 3.4.9). The connection is gone by then and its queries have been rejected or will be by their
 * time-outs. Anything else that nobody caught ends the process once it is told: Node itself would print
 * all that hangs on the error, as the parameters of a query.
 */
export function outliveLateWrites(tell: (error: Error) => void): void {
  process.on('uncaughtException', (error) => {
    if (isLateWrite(error)) return
    tell(error)
    process.exit(1)
  })
}

const isLateWrite = ({ name, stack = '' }: Error) =>
  name === 'TypeError' && /nextWrite .*postgres.src.connection\.js/.test(stack)
