/** What keeps the server from doing its work, above every page. */
import type { Context } from 'hono'
import type { Child } from 'hono/jsx'
import { z } from 'zod'
import type { ConsoleEnv } from './console-env.ts'
import { Time } from './parts.tsx'

const readiness = z.object({ problems: z.array(z.string()) })

/** Of what a browser opens as a page they are asked for at once, so that it waits for them and its own data together. */
export function askForProblems(c: Context<ConsoleEnv>): void {
  if (c.req.method !== 'GET' || !c.req.header('Accept')?.includes('text/html')) return
  const problems = readProblems(c)
  c.set('problems', problems)
  // The page tells it, unless it fails before.
  problems.catch(() => {})
}

/** Part of the page, so that it moves nothing when it comes. A part of a page shows none, nor does the sign-in. */
export async function readProblems(c: Context<ConsoleEnv>): Promise<string[]> {
  const { api, problems } = c.var
  if (problems) return problems
  if (!api || c.req.header('HX-Request')) return []
  const { body } = await api('GET', '/readyz')
  return readiness.parse(body).problems
}

export function Problems({ problems }: { problems: string[] }) {
  if (problems.length === 0) return null
  return (
    <div role="status">
      {problems.map((problem) => (
        <p class="banner">{inWords(problem)}</p>
      ))}
    </div>
  )
}

type Wording = { pattern: RegExp; words: (...found: string[]) => Child }

/** What a merchandiser can understand or do is said so. */
const wordings: Wording[] = [
  {
    pattern:
      /^Held since (\S+): (.*?) The last good feed is served\. If the change is intended, POST \/v1\/feeds\/(\w+)\/release/,
    words: (since = '', reason, feed = '') => (
      <>
        <strong>{`The ${feed} feed is held.`}</strong> {reason} Klaviyo gets it as it was{' '}
        <Time at={since} />. <a href={`/console/feeds#${feed}`}>See what it would lose</a>
      </>
    ),
  },
  {
    pattern: /^The (\w+) feed is behind: (\d+) changes have been pending since (.+?)\. The log/,
    words: (feed = '', count, since = '') => (
      <>
        <strong>{`Klaviyo does not get the latest changes of the ${feed} feed.`}</strong>
        {` ${count} are waiting, the oldest was made `}
        <Time at={since} />. Tell whoever runs the server.{' '}
        <a href={`/console/feeds#${feed}`}>Open Feeds</a>
      </>
    ),
  },
  {
    pattern: /^The (\w+) feed is building for the first time, (\d+) % is done/,
    words: (feed, done) =>
      `The ${feed} feed is made for the first time: ${done} % are done. Klaviyo gets it once it is whole.`,
  },
  {
    pattern: /^Klaviyo rejected the credentials; sending (\w+) is paused: (.*)\. The next try is/,
    words: (queue, reason) => (
      <>
        <strong>{`Klaviyo rejects this server’s private key, so ${queue} wait.`}</strong>
        {` Nothing is lost. Whoever runs the server has to set a valid key. Klaviyo’s answer: ${sentence(reason)} `}
        <a href="/console/deliveries">Open Deliveries</a>
      </>
    ),
  },
  {
    pattern: /^Klaviyo asked to wait; sending (\w+) is paused: .* The next try is at (\S+)\.$/,
    words: (queue, until = '') => (
      <>
        <strong>{`Klaviyo asked to wait, so ${queue} wait.`}</strong> They are sent again{' '}
        <Time at={until} />. <a href="/console/deliveries">Open Deliveries</a>
      </>
    ),
  },
  {
    pattern:
      /^Messages of (\w+) that wait for another try: ([\w ]+), the first at (\S+)\. Klaviyo’s last answer: (.*)$/,
    words: (queue, count, next = '', answer) => (
      <>
        <strong>{`Klaviyo does not take ${queue} at the moment: ${count} wait.`}</strong> The next
        try is <Time at={next} />
        {`. Its last answer: ${sentence(answer)} `}
        <a href="/console/deliveries?status=pending">See them</a>
      </>
    ),
  },
]

const sentence = (words = '') => (words.endsWith('.') ? words : `${words}.`)

function inWords(problem: string): Child {
  for (const { pattern, words } of wordings) {
    const found = pattern.exec(problem)
    if (found) return words(...found.slice(1))
  }
  return problem
}
