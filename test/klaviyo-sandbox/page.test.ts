import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import type { RunningSandbox } from '../../src/klaviyo-sandbox/listen.ts'
import { eventBody, openSandbox, send } from './klaviyo-requests.ts'

async function openPage(sandbox: RunningSandbox, path = '/') {
  const response = await fetch(`${sandbox.url}${path}`)
  return { headers: response.headers, text: await response.text() }
}

test('the page says that it is a stand-in, and shows events, profiles, drops and errors', async () => {
  const sandbox = await openSandbox()
  expect((await openPage(sandbox)).text).toContain('No events yet')
  await send(sandbox, '/api/events', eventBody({ unique_id: 'order-1234', value: 335.99 }))
  await send(sandbox, '/api/events', eventBody({ email: 'someone@example.com' }))
  await send(sandbox, '/api/events', eventBody({ value: 'text' }))
  const { text } = await openPage(sandbox)
  expect(text).toContain('Nothing on this page has reached Klaviyo')
  for (const shown of [
    'order-1234',
    '335.99',
    'john.smith@klaviyo-demo.com',
    'example.com and test.com',
    'expected number',
  ])
    expect(text).toContain(shown)
})

test('everything sent is shown as text, never as markup', async () => {
  const sandbox = await openSandbox()
  const markup = `<img src=x onerror=alert(1)>"'&</pre></script><script>alert(2)</script>`
  const profile = {
    external_id: markup,
    first_name: markup,
    properties: { MostRecentStoreLocation: markup },
  }
  await send(
    sandbox,
    '/api/events',
    eventBody({
      metric: markup.slice(0, 120),
      unique_id: markup,
      properties: { [markup]: markup },
      profile,
    }),
  )
  const { text } = await openPage(sandbox)
  expect(text).toContain('&lt;img src=x')
  expect(text).not.toContain('<img')
  expect(text.match(/<script>/g)).toHaveLength(1)
})

test('the page loads nothing from elsewhere and allows only its own script', async () => {
  const sandbox = await openSandbox()
  const { headers, text } = await openPage(sandbox)
  expect(text).not.toMatch(/(src|href)="(?!data:,")/)
  const policy = headers.get('content-security-policy')
  expect(policy).toContain("default-src 'none'")
  for (const tag of ['style', 'script']) {
    const source = new RegExp(`<${tag}>([^]*?)</${tag}>`).exec(text)?.[1] ?? ''
    expect(policy).toContain(createHash('sha256').update(source).digest('base64'))
  }
})

test('an event leads to its message, and a message to its event, however many came since', async () => {
  const sandbox = await openSandbox()
  sandbox.state.settings.console_url = 'http://localhost:3000'
  await send(sandbox, '/api/events', eventBody({ metric: 'Placed Order', unique_id: 'a & b' }))
  await send(sandbox, '/api/events', eventBody({ metric: 'Refunded Order', unique_id: 'a & b' }))
  for (let n = 0; n < 60; n++)
    await send(
      sandbox,
      '/api/events',
      eventBody({ metric: 'Placed Order', unique_id: `later-${n}` }),
    )
  const { text } = await openPage(sandbox, '/?unique_id=a+%26+b&metric=Placed+Order')
  expect(text.match(/<details/g)).toHaveLength(1)
  expect(text).toContain(
    'href="http://localhost:3000/console/deliveries/of?unique_id=a+%26+b&amp;metric=Placed+Order"',
  )
  expect((await openPage(sandbox, '/?unique_id=none')).text).toContain('no such event')
})

test('pictures are those of the catalog, and only of web addresses', async () => {
  const sandbox = await openSandbox()
  const fields = { title: 'T', link: 'x', description: 'd' }
  const images = { a: 'https://shop.example/a.svg', b: 'javascript:alert(1)', c: '"><script>' }
  for (const [id, image_link] of Object.entries(images))
    sandbox.state.account.catalog.items.set(id, {
      id,
      source: 's',
      fields: { ...fields, image_link },
    })
  const { text } = await openPage(sandbox)
  expect(text.match(/<img [^>]*>/g)).toEqual([
    '<img src="https://shop.example/a.svg" alt="" width="36" height="36" loading="lazy">',
  ])
})
