/** A Klaviyo that has recorded a request and not answered yet: a sender may be stopped between the two. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { listenOnLoopback } from '../support/loopback.ts'

export type HeldKlaviyo = {
  url: string
  /** Resolves when the sandbox has recorded the first request. */
  recorded: Promise<void>
  /** Sends the answers that were held back, and every later one at once. */
  release: () => void
  stop: () => Promise<void>
}

/** Forwards every request to the sandbox and holds its answer back. */
export async function holdAnswers(sandboxUrl: string): Promise<HeldKlaviyo> {
  let resolveRecorded = () => {}
  let release = () => {}
  const recorded = new Promise<void>((resolve) => {
    resolveRecorded = resolve
  })
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const { authorization = '', revision = '', 'content-type': type = '' } = request.headers
    const answer = await fetch(`${sandboxUrl}${request.url}`, {
      method: 'POST',
      headers: { authorization, revision: String(revision), 'content-type': type },
      body: Buffer.concat(chunks),
    })
    resolveRecorded()
    await released
    response.writeHead(answer.status).end(await answer.text())
  })
  const port = await listenOnLoopback(server)
  return {
    url: `http://127.0.0.1:${port}`,
    recorded,
    release,
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
