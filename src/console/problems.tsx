/** What keeps the server from doing its work, above every page. */
import type { Hono } from 'hono'
import { z } from 'zod'
import type { ConsoleEnv } from './console-env.ts'

const readiness = z.object({ problems: z.array(z.string()) })

export function problemsBanner(pages: Hono<ConsoleEnv>): void {
  pages.get('/problems', async (c) => {
    const { body } = await c.get('api')('GET', '/readyz')
    const { problems } = readiness.parse(body)
    return c.html(
      <div role="status">
        {problems.map((problem) => (
          <p class="banner">
            {problem} {/\bfeed\b/.test(problem) && <a href="/console/feeds">Open Feeds</a>}
          </p>
        ))}
      </div>,
    )
  })
}
