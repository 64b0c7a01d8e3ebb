import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Limits } from './limits.ts'

export type TransferMonitor = {
  watch: (response: ServerResponse) => void
  /** Whether a response has begun and not ended. */
  isAnswering: (socket: Duplex) => boolean
  /** To be called when the socket has been idle for a while. */
  stalled: (socket: Duplex) => void
  stop: () => void
}

type Transfer = { response: ServerResponse; writtenBefore: number; begunAt?: number }

/**
 * Closes connections of clients that read too slowly. One that reads nothing is closed when Node reports an idle socket,
 * unless the server is still at work. One that reads a little now and then, or sends something to keep the socket
 * active, is closed when the response has taken longer than its bytes may.
 */
export function enforceMinTransferRate(
  limits: Pick<Limits, 'answerMs' | 'bytesPerSecond' | 'checkMs'>,
): TransferMonitor {
  /** The last response of each connection, ended or not: a listener for the end of each would cost more than the rest. */
  const transfers = new Map<Duplex, Transfer>()
  const check = setInterval(() => {
    for (const [socket, transfer] of transfers) if (isTooSlow(transfer, limits)) socket.destroy()
  }, limits.checkMs).unref()

  function watch(response: ServerResponse): void {
    const { socket } = response
    if (!socket) return
    if (!transfers.has(socket)) socket.once('close', () => transfers.delete(socket))
    transfers.set(socket, { response, writtenBefore: socket.bytesWritten })
  }
  return {
    watch,
    isAnswering: (socket) => isInProgress(transfers.get(socket)),
    stalled(socket) {
      const transfer = transfers.get(socket)
      const isHandling = transfer && !transfer.response.headersSent
      if (!isHandling) socket.destroy()
    },
    stop: () => clearInterval(check),
  }
}

const isInProgress = (transfer: Transfer | undefined) =>
  transfer?.response.headersSent === true && !transfer.response.writableFinished

/** `bytesWritten` includes what the client has not read yet, so a compressed feed gets the time of all its bytes. */
function isTooSlow(
  transfer: Transfer,
  { answerMs, bytesPerSecond }: Pick<Limits, 'answerMs' | 'bytesPerSecond'>,
): boolean {
  const { response, writtenBefore } = transfer
  if (!isInProgress(transfer)) return false
  transfer.begunAt ??= Date.now()
  const bytes = (response.socket?.bytesWritten ?? 0) - writtenBefore
  return Date.now() - transfer.begunAt > answerMs + (bytes / bytesPerSecond) * 1000
}
