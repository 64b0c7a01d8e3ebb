/** What a new server needs before Klaviyo shows anything. */
import { keyList } from '../auth/api-keys.ts'
import { type Api, read } from './api.ts'
import type { FeedStatus } from './feed-data.ts'
import { Tag } from './parts.tsx'
import { catalogPage } from './records.ts'

export type Step = { label: string; hint: string; path: string; isDone: boolean }

export async function readSteps(api: Api, feeds: FeedStatus[], isAdmin: boolean): Promise<Step[]> {
  const isPolled = feeds.some(({ last_polls }) => last_polls.length > 0)
  const [stores, products, sold, key] = await Promise.all([
    hasAny(api, 'stores?limit=1'),
    hasAny(api, 'products?limit=1'),
    hasAny(api, 'products?sold=some&limit=1'),
    isPolled || (isAdmin && hasFeedKey(api)),
  ])
  return [
    {
      label: 'Add your stores',
      hint: 'Each with its address.',
      path: '/console/stores',
      isDone: stores,
    },
    {
      label: 'Add your products',
      hint: 'With price, link and image.',
      path: '/console/products',
      isDone: products,
    },
    {
      label: 'Say which store sells what',
      hint: 'Tick products and stores.',
      path: '/console/availability',
      isDone: sold,
    },
    {
      label: 'Make a key for Klaviyo',
      hint: isAdmin
        ? 'It opens the feeds and nothing else.'
        : 'Somebody with an admin key makes it.',
      path: '/console/feeds#klaviyo-key',
      isDone: key,
    },
    {
      label: 'Wait for the first poll',
      hint: 'Klaviyo polls once you have added the address as a source there.',
      path: '/console/feeds',
      isDone: isPolled,
    },
  ]
}

async function hasAny(api: Api, query: string): Promise<boolean> {
  const { products = [], stores = [] } = await read(api, `/v1/${query}`, catalogPage)
  return products.length + stores.length > 0
}

async function hasFeedKey(api: Api): Promise<boolean> {
  const { keys } = await read(api, '/v1/keys', keyList)
  return keys.some(({ scopes, revoked_at }) => revoked_at === null && scopes.includes('feeds'))
}

export function Checklist({ steps }: { steps: Step[] }) {
  const done = steps.filter(({ isDone }) => isDone).length
  return (
    <section class="block checklist" aria-labelledby="checklist">
      <h2 id="checklist">{`Get started: ${done} of ${steps.length} done`}</h2>
      <ol>
        {steps.map(({ label, hint, path, isDone }) => (
          <li class={isDone ? 'done' : undefined}>
            {isDone ? (
              <span>{label}</span>
            ) : (
              <>
                <a href={path}>{label}</a> <span class="soft">{hint}</span>
              </>
            )}
            <Tag tone={isDone ? 'good' : 'soft'}>{isDone ? 'Done' : 'To do'}</Tag>
          </li>
        ))}
      </ol>
    </section>
  )
}
