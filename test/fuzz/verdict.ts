/** In charge of what an answer must be, whatever was asked. */
import { checkAnswer, checkRefusal } from '../support/contract.ts'
import type { Answer } from '../support/server.ts'
import type { Sent } from './requests.ts'
import { isKept } from './wire.ts'

/** What is no HTTP, or has too much of a head, node refuses before the server sees it. */
const unreadable = [400, 417, 431]

/** Throws when the answer is not one that the document promises, or says what no answer may. */
export async function judge(
  url: string,
  sent: Sent,
  answer: Answer | null,
  key: string,
): Promise<void> {
  if (answer === null) {
    if (!isKept(sent)) return
    throw new Error('the server closed the connection without an answer')
  }
  if (answer.status >= 500) throw new Error(`${answer.status}: ${answer.text}`)
  if (answer.text.includes(key)) throw new Error('the answer tells the key')
  checkRefusal(answer, [key])
  if (
    unreadable.includes(answer.status) &&
    answer.text === '' &&
    !answer.headers.has('Content-Type')
  )
    return
  const body = textOf(sent)
  await checkAnswer(url, { method: sent.method, path: pathOf(url, sent.target), body }, answer)
}

/** All below /feeds/ is the name of a file there; all else is read as URLs are: without dots, and without a host. */
function pathOf(url: string, target: string): string {
  const [, file] = /^\/feeds\/([^/?][^?]*)/.exec(target) ?? []
  if (file !== undefined) return `/feeds/${file.replaceAll('/', '%2F')}`
  const { pathname, search } = URL.canParse(target) ? new URL(target) : new URL(url + target)
  return pathname + search
}

function textOf({ body, operation }: Sent): string | undefined {
  if (body === undefined || operation.body === undefined) return undefined
  return new TextDecoder().decode(body)
}
