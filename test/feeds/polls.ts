/** Polling as Klaviyo does, and seeing all of the answer: headers as sent, the body as it came. */
import { once } from 'node:events'
import { type IncomingHttpHeaders, request } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'

export type Polled = { status: number; headers: IncomingHttpHeaders; body: Buffer; text: string }

type PollOptions = {
  method?: string
  headers?: Record<string, string>
  /** Where it comes from. */
  localAddress?: string
}

/** No header is sent that is not given. `text` is the body, unpacked if it was gzip. */
export async function poll(
  url: string,
  { method = 'GET', headers = {}, ...from }: PollOptions = {},
): Promise<Polled> {
  const asked = request(url, { method, headers, ...from })
  asked.end()
  const [answer] = await once(asked, 'response')
  const body = await buffer(answer)
  const packed = answer.headers['content-encoding'] === 'gzip' && body.length > 0
  const text = (packed ? gunzipSync(body) : body).toString()
  return { status: answer.statusCode, headers: answer.headers, body, text }
}

/** The items of a JSON feed; throws when it is not one. */
export async function pollItems(url: string): Promise<FeedItem[]> {
  const { status, text } = await poll(url, { headers: { 'Accept-Encoding': 'gzip' } })
  if (status !== 200) throw new Error(`the poll was answered with ${status}: ${text}`)
  return JSON.parse(text)
}

export type FeedItem = { $id: string; $title: string } & Record<
  string,
  string | number | boolean | string[]
>

export const gzip = { 'Accept-Encoding': 'gzip' }
