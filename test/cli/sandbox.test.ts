import { expect, test } from 'vitest'
import { run, start } from './command-line.ts'

test('it listens on the given port, responds as Klaviyo does, shows a page, and stops in order', async () => {
  const sandbox = start(['sandbox', '--port', '0'])
  const [, url] = await sandbox.printed(/^The sandbox listens at (http:\S+)$/m)
  const unauthorized = await fetch(`${url}/api/events`, { method: 'POST' })
  expect(unauthorized.status).toBe(401)
  expect(unauthorized.headers.get('X-Storefeed-Sandbox')).toBe('true')
  expect(await (await fetch(`${url}/sandbox/settings`)).json()).toMatchObject({ limits: true })
  expect(await (await fetch(`${url}/`)).text()).toContain('<html')
  expect(await sandbox.end('SIGTERM')).toMatchObject({ code: 0, signal: null, stderr: '' })
})

test('--no-limits lifts the limits', async () => {
  const sandbox = start(['sandbox', '--port', '0', '--no-limits'])
  const [, url] = await sandbox.printed(/^The sandbox listens at (http:\S+)$/m)
  expect(await (await fetch(`${url}/sandbox/settings`)).json()).toMatchObject({ limits: false })
  await sandbox.end()
})

test('an invalid port is rejected', async () => {
  const { code, stderr } = await run(['sandbox', '--port', 'http'])
  expect(code).toBe(1)
  expect(stderr).toContain('It must be a port number.')
})

test('a port in use is reported in one line', async () => {
  const first = start(['sandbox', '--port', '0'])
  const [, port = ''] = await first.printed(/listens at http:\S+:(\d+)$/m)
  const { code, stdout, stderr } = await run(['sandbox', '--port', port])
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(/^storefeed failed: .*EADDRINUSE.*\n$/)
  await first.end()
})
