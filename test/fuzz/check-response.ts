import { checkAnswer, checkError } from '../support/contract.ts'
import type { Answer } from '../support/server.ts'
import type { FuzzRequest } from './requests.ts'
import { usesKeepAlive } from './transport.ts'

/** Node itself rejects what is not valid HTTP, or has too large a head, with one of these and an empty body. */
const nodeStatuses = [400, 417, 431]

/** Throws when the answer is not documented, or reveals what no answer may. */
export async function checkResponse(
  url: string,
  sent: FuzzRequest,
  answer: Answer | null,
  key: string,
): Promise<void> {
  if (answer === null) {
    if (!usesKeepAlive(sent)) return
    throw new Error('the server closed the connection without an answer')
  }
  if (answer.status >= 500) throw new Error(`${answer.status}: ${answer.text}`)
  if (answer.text.includes(key)) throw new Error('the answer reveals the key')
  checkError(answer, [key])
  if (
    nodeStatuses.includes(answer.status) &&
    answer.text === '' &&
    !answer.headers.has('Content-Type')
  )
    return
  const body = textOf(sent)
  await checkAnswer(url, { method: sent.method, path: pathOf(url, sent.target), body }, answer)
}

/** Everything after /feeds/ is a file name; other targets are normalized as URLs: without dot segments and host. */
function pathOf(url: string, target: string): string {
  const [, file] = /^\/feeds\/([^/?][^?]*)/.exec(target) ?? []
  if (file !== undefined) return `/feeds/${file.replaceAll('/', '%2F')}`
  const { pathname, search } = URL.canParse(target) ? new URL(target) : new URL(url + target)
  return pathname + search
}

function textOf({ body, operation }: FuzzRequest): string | undefined {
  if (body === undefined || operation.body === undefined) return undefined
  return new TextDecoder().decode(body)
}
