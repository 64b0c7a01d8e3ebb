/** Shows a request as a shell command that sends it again. */
import type { FuzzRequest } from './requests.ts'
import { encodeRequest, headersOf } from './transport.ts'

/** Longer bodies are truncated; the seed reproduces them. */
const shownBytes = 20_000

export function toShellCommand(url: string, sent: FuzzRequest, key: string): string {
  const { body } = sent
  if (body && body.length > shownBytes)
    return `${toShellCommand(url, { ...sent, body: body.subarray(0, 200) }, key)}\n  (the first 200 of ${body.length} bytes of the body)`
  return hideKey(sent.raw ? toNetcat(url, sent) : toCurl(url, sent), key)
}

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`

function toCurl(url: string, sent: FuzzRequest): string {
  const headers = headersOf(url, sent)
    .filter(([name]) => !['Host', 'Content-Length'].includes(name))
    .map(([name, value]) => ` \\\n  -H ${quote(value === '' ? `${name};` : `${name}: ${value}`)}`)
  const head = sent.method === 'HEAD' ? '-I' : `-X ${quote(sent.method)}`
  const line = `curl -i --path-as-is -g ${head} ${quote(url + sent.target)}${headers.join('')}`
  if (sent.body === undefined) return line
  const text = sent.body.toString()
  const isPlain = /^[\x20-\x7e]*$/.test(text)
  return isPlain
    ? `${line} \\\n  --data-binary ${quote(text)}`
    : `echo ${sent.body.toString('base64')} | base64 -d | ${line} \\\n  --data-binary @-\n  (the body: ${JSON.stringify(text)})`
}

function toNetcat(url: string, sent: FuzzRequest): string {
  const { hostname, port } = new URL(url)
  const escaped = [...encodeRequest(url, sent)].map((byte) => {
    const character = String.fromCharCode(byte)
    return /[\w !#&'()*+,./:;<=>?@[\]^{|}~-]/.test(character)
      ? character
      : `\\0${byte.toString(8).padStart(3, '0')}`
  })
  return `printf '%b' "${escaped.join('')}" | nc ${hostname} ${port}`
}

const hideKey = (text: string, key: string) => text.replaceAll(key, '$API_KEY')
