/** In charge of readers that take their answer too slowly: they are cut off, so that they hold nothing for long. */
import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Limits } from './limits.ts'

export type Readers = {
  watch: (response: ServerResponse) => void
  /** Whether an answer has begun and not ended. */
  isAnswering: (socket: Duplex) => boolean
  stop: () => void
}

type Answer = { response: ServerResponse; writtenBefore: number; begunAt?: number }

/**
 * Who takes nothing is cut when node says that nothing moved on the socket, unless it is the server
 * that is still at work. Who takes a little now and then, or sends something to keep the socket
 * moving, is cut when the answer has taken longer than so many bytes may.
 */
export function watchReaders(
  limits: Pick<Limits, 'answerMs' | 'bytesPerSecond' | 'checkMs'>,
): Readers {
  const answers = new Map<Duplex, Answer>()
  const check = setInterval(() => {
    for (const answer of answers.values())
      if (isTooSlow(answer, limits)) answer.response.socket?.destroy()
  }, limits.checkMs).unref()

  function watch(response: ServerResponse): void {
    const { socket } = response
    if (!socket) return
    answers.set(socket, { response, writtenBefore: socket.bytesWritten })
    response.on('timeout', () => {
      if (response.headersSent) socket.destroy()
    })
    // Of pipelined requests the next one is there already.
    response.once('close', () => {
      if (answers.get(socket)?.response === response) answers.delete(socket)
    })
  }
  return {
    watch,
    isAnswering: (socket) => answers.get(socket)?.response.headersSent === true,
    stop: () => clearInterval(check),
  }
}

/** `bytesWritten` counts what waits to be taken too, so a packed feed has the time of all its bytes. */
function isTooSlow(
  answer: Answer,
  { answerMs, bytesPerSecond }: Pick<Limits, 'answerMs' | 'bytesPerSecond'>,
): boolean {
  const { response, writtenBefore } = answer
  if (!response.headersSent) return false
  answer.begunAt ??= Date.now()
  const bytes = (response.socket?.bytesWritten ?? 0) - writtenBefore
  return Date.now() - answer.begunAt > answerMs + (bytes / bytesPerSecond) * 1000
}
