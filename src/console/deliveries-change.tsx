/** Retries and discards what matches: counted first, and only if it still is as many. */
import type { Context, Hono } from 'hono'
import { z } from 'zod'
import { apiProblem, succeeded } from './api.ts'
import type { ConsoleEnv } from './console-env.ts'
import { apiFilters, deliveriesUrl, inWords, readDeliveryFilters } from './delivery-filters.ts'
import type { Filters } from './filters.tsx'
import { readTexts } from './form-texts.ts'
import { Empty, page } from './layout.tsx'
import { PageTitle } from './parts.tsx'

type C = Context<ConsoleEnv>

const actions = {
  retry: {
    title: 'Send again',
    button: (count: string) => `Retry ${count}`,
    effect:
      'Each is sent again under its own id, so that Klaviyo counts none twice. What is wrong with them should be fixed first.',
    done: 'retried',
  },
  discard: {
    title: 'Discard',
    button: (count: string) => `Discard ${count}`,
    effect: 'They stay in the list and are never sent. They can be retried later.',
    done: 'discarded',
  },
} as const
type Action = keyof typeof actions

const counts = z.object({
  matched: z.number(),
  retried: z.number().optional(),
  discarded: z.number().optional(),
  more: z.boolean(),
})

export function deliveryChanges(pages: Hono<ConsoleEnv>): void {
  for (const action of ['retry', 'discard'] as const) {
    pages.get(`/deliveries/${action}`, async (c) =>
      ask(c, action, readDeliveryFilters(c.req.query())),
    )
    pages.post(`/deliveries/${action}`, async (c) => {
      const texts = await readTexts(c)
      const given = readDeliveryFilters(texts)
      const answer = await change(c, action, given, { expected: Number(texts.expected) })
      if (answer.status === 409) return ask(c, action, given, apiProblem.parse(answer.body).detail)
      const done = counts.parse(succeeded(answer))
      const changed = String(done[actions[action].done] ?? 0)
      return c.redirect(deliveriesUrl({ [actions[action].done]: changed }), 303)
    })
    pages.post(`/deliveries/:id{[0-9]+}/${action}`, async (c) => {
      const id = c.req.param('id')
      succeeded(await c.get('api')('POST', `/v1/events/${id}/${action}`))
      const watched = action === 'retry' ? '?refresh=0' : ''
      return c.redirect(`/console/deliveries/${id}${watched}`, 303)
    })
  }
}

const change = (c: C, action: Action, given: Filters, more: object) =>
  c.get('api')('POST', `/v1/events/${action}`, {
    body: { status: 'failed', ...apiFilters(given), ...more },
  })

async function ask(c: C, action: Action, given: Filters, problem?: string) {
  const { title, button, effect } = actions[action]
  const answer = await change(c, action, given, { dry_run: true })
  const { matched, more } = counts.parse(succeeded(answer))
  const back = deliveriesUrl(given)
  const shown = matched === 1 ? '1 message' : `${matched.toLocaleString('en')} messages`
  return page(
    c,
    { title, status: problem ? 409 : 200 },
    <>
      <PageTitle title={title} back={[back, 'Deliveries']} />
      {problem && (
        <p class="block alert error" role="alert">
          {problem}
        </p>
      )}
      {matched === 0 ? (
        <Empty title="Nothing matches any more">
          <a class="button" href={back}>
            Back to the deliveries
          </a>
        </Empty>
      ) : (
        <form class="block ask" method="post" action={`/console/deliveries/${action}`}>
          <p>
            <strong>{inWords(matched, given)}</strong>
            {more && '. There are more: these are the oldest; repeat it for the others.'}
          </p>
          <p class="soft">{effect}</p>
          {Object.entries(given).map(([name, value]) => (
            <input type="hidden" name={name} value={value} />
          ))}
          <input type="hidden" name="expected" value={String(matched)} />
          <p class="actions">
            <button class={action === 'retry' ? 'primary' : 'danger'} type="submit">
              {button(shown)}
            </button>
            <a class="button" href={back}>
              Cancel
            </a>
          </p>
        </form>
      )}
    </>,
  )
}
