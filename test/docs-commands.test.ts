/** The curl commands of the documentation run as they stand. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RunningSandbox, startSandbox } from '../src/klaviyo-sandbox/listen.ts'
import { startTestServer, type TestServer } from './support/server.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

let server: TestServer
let sandbox: RunningSandbox
let folder: string
beforeAll(async () => {
  server = await startTestServer()
  sandbox = await startSandbox({ port: 0 })
  folder = await mkdtemp(join(tmpdir(), 'storefeed-docs-'))
  await writeFile(join(folder, 'prices.csv'), 'id;price\npot-8;"289,50"\n')
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await sandbox.stop()
  await server.stop()
})

/** In the order in which they build on one another. */
const pages = [
  'README.md',
  'docs/rest-api.md',
  'docs/orders-and-events.md',
  'docs/privacy.md',
  'docs/import-export.md',
  'docs/sandbox.md',
]

/** Its blocks with requests, in which reader, key and addresses are those of the test. */
async function commandsOf(page: string): Promise<string> {
  const text = await readFile(join(root, page), 'utf8')
  return [...text.matchAll(/^```sh\n(.*?)^```/gms)]
    .map(([, block = '']) => block)
    .filter((block) => block.includes('curl ') && !block.includes('storefeed-'))
    .join('')
    .replace('API_KEY=…', '')
    .replaceAll('key=…', `key=${server.key}`)
    .replaceAll('http://localhost:3000', server.url)
    .replaceAll('http://127.0.0.1:3001', sandbox.url)
}

const noteStatus = `curl() { command curl -sS --dump-header headers "$@"; head -n 1 headers >> statuses; }`

/** The status of each response, in order. */
async function statusesOf(commands: string): Promise<number[]> {
  const statuses = join(folder, 'statuses')
  await writeFile(statuses, '')
  const env = { ...process.env, API_KEY: server.key }
  await promisify(execFile)('bash', ['-c', `${noteStatus}\n${commands}`], { cwd: folder, env })
  return [...(await readFile(statuses, 'utf8')).matchAll(/^HTTP\S+ (\d+)/gm)].map(([, status]) =>
    Number(status),
  )
}

/** A comment that begins with a status says that the command before is to fail so. */
const expectedOf = (commands: string) =>
  commands
    .split(/^(?=.*\bcurl )/m)
    .filter((command) => command.includes('curl '))
    .map((command) => ({ command, status: Number(/ # (4\d\d):/.exec(command)?.[1] ?? 200) }))

test.each(pages)('every request of %s succeeds, or fails as the page says', async (page) => {
  const commands = await commandsOf(page)
  const statuses = await statusesOf(commands)
  const expected = expectedOf(commands)
  expect(expected.length).toBeGreaterThan(0)
  const found = expected.map(({ command }, index) => {
    const status = statuses[index] ?? 0
    return { command, status: status >= 200 && status < 300 ? 200 : status }
  })
  expect(found).toEqual(expected)
})
