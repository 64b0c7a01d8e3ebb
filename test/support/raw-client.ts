/** An HTTP client that writes bytes by hand, as no proper client does. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export type RawClient = {
  socket: Socket
  /** All that came until the server closed the connection. */
  heard: Promise<string>
}

export async function speak(url: string, words: string): Promise<RawClient> {
  const { port, hostname } = new URL(url)
  const socket = connect(Number(port), hostname)
  let text = ''
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1')
  })
  const heard = new Promise<string>((resolve) => {
    socket.once('close', () => resolve(text))
    // A reset closes it too.
    socket.on('error', () => undefined)
  })
  await once(socket, 'connect')
  socket.write(words)
  return { socket, heard }
}

/** Asks for a page and takes nothing of the answer. */
export async function askAndWait(url: string, path: string, headers = ''): Promise<Socket> {
  const { port, hostname } = new URL(url)
  const socket = connect(Number(port), hostname).pause()
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`)
  return socket
}

/** The status and the problem of an answer written in full. */
export function problemIn(text: string): { status: number; headers: string; problem: unknown } {
  const [headers = '', body = ''] = text.split('\r\n\r\n')
  return {
    status: Number(/^HTTP\/1.1 (\d+)/.exec(headers)?.[1]),
    headers,
    problem: body === '' ? undefined : JSON.parse(body),
  }
}
