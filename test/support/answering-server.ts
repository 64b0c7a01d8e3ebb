/** A server on loopback whose answers a test chooses. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { listenOnLoopback } from './loopback.ts'

export type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void

export async function startAnsweringServer() {
  let answer: Answer = (_request, response) => response.end()
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    answer(request, response, Buffer.concat(chunks).toString())
  })
  const port = await listenOnLoopback(server)
  return {
    url: `http://127.0.0.1:${port}`,
    answerWith(next: Answer) {
      answer = next
    },
    stop() {
      server.closeAllConnections()
      server.close()
    },
  }
}
