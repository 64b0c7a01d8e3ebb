/** In charge of a fault of postgres.js: it writes to a connection that closed a moment before, which would end the process. */

/**
 * The write comes from a timer, so nobody else can catch it (porsager/postgres#1208, not mended in
 * 3.4.9). The connection is gone by then and its queries have been rejected or will be by their
 * time-outs. Anything else that nobody caught still ends the process.
 */
export function outliveLateWrites(): void {
  process.on('uncaughtException', (error) => {
    if (!isLateWrite(error)) throw error
  })
}

const isLateWrite = ({ name, stack = '' }: Error) =>
  name === 'TypeError' && /nextWrite .*postgres.src.connection\.js/.test(stack)
