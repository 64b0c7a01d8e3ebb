/** In charge of readers that take their answer too slowly: they are cut off, so that they hold nothing for long. */
import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Limits } from './limits.ts'

export type TransferMonitor = {
  watch: (response: ServerResponse) => void
  /** Whether an answer has begun and not ended. */
  isAnswering: (socket: Duplex) => boolean
  /** Node's word that nothing has moved on the socket for a while. */
  stalled: (socket: Duplex) => void
  stop: () => void
}

type Answer = { response: ServerResponse; writtenBefore: number; begunAt?: number }

/**
 * Who takes nothing is cut when node says that nothing moved on the socket, unless it is the server
 * that is still at work. Who takes a little now and then, or sends something to keep the socket
 * moving, is cut when the answer has taken longer than so many bytes may.
 */
export function enforceMinTransferRate(
  limits: Pick<Limits, 'answerMs' | 'bytesPerSecond' | 'checkMs'>,
): TransferMonitor {
  /** The last one of each connection, ended or not: to listen for the end of each would cost more than the rest. */
  const answers = new Map<Duplex, Answer>()
  const check = setInterval(() => {
    for (const [socket, answer] of answers) if (isTooSlow(answer, limits)) socket.destroy()
  }, limits.checkMs).unref()

  function watch(response: ServerResponse): void {
    const { socket } = response
    if (!socket) return
    if (!answers.has(socket)) socket.once('close', () => answers.delete(socket))
    answers.set(socket, { response, writtenBefore: socket.bytesWritten })
  }
  return {
    watch,
    isAnswering: (socket) => isUnderWay(answers.get(socket)),
    stalled(socket) {
      const answer = answers.get(socket)
      const isAtWork = answer && !answer.response.headersSent
      if (!isAtWork) socket.destroy()
    },
    stop: () => clearInterval(check),
  }
}

const isUnderWay = (answer: Answer | undefined) =>
  answer?.response.headersSent === true && !answer.response.writableFinished

/** `bytesWritten` counts what waits to be taken too, so a packed feed has the time of all its bytes. */
function isTooSlow(
  answer: Answer,
  { answerMs, bytesPerSecond }: Pick<Limits, 'answerMs' | 'bytesPerSecond'>,
): boolean {
  const { response, writtenBefore } = answer
  if (!isUnderWay(answer)) return false
  answer.begunAt ??= Date.now()
  const bytes = (response.socket?.bytesWritten ?? 0) - writtenBefore
  return Date.now() - answer.begunAt > answerMs + (bytes / bytesPerSecond) * 1000
}
