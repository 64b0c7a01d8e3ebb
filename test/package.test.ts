import { execFile } from 'node:child_process'
import {
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, startProgram } from './cli/command-line.ts'
import { createTestDatabase, type TestDatabase } from './support/database.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const serving = /"url":"(http:[^"]+)".*"msg":"storefeed serves"/

const dockerfile = await readFile(join(root, 'Dockerfile'), 'utf8')
/** What the image is built from. */
const sources = [...dockerfile.matchAll(/^COPY (?!--)(.+) \S+$/gm)].flatMap(([, names = '']) =>
  names.split(' '),
)

let home: string
/** A copy of what the image is built from, so that building it disturbs nobody. */
let checkout: string
let database: TestDatabase
let packedFiles: string[]
const started: Running[] = []

beforeAll(async () => {
  database = await createTestDatabase()
  home = await mkdtemp(join(tmpdir(), 'storefeed-package-'))
  // Postgres does not run as root: the account it runs as must find its programs.
  await chmod(home, 0o755)
  checkout = join(home, 'checkout')
  for (const name of [...sources, 'README.md', 'LICENSE'])
    await cp(join(root, name), join(checkout, name), { recursive: true })
  await symlink(join(root, 'node_modules'), join(checkout, 'node_modules'), 'junction')
  packedFiles = await pack()
  const flags = ['--global', '--prefix', home, '--prefer-offline', '--no-audit', '--no-fund']
  await npm('install', ...flags, join(home, 'storefeed-1.0.0.tgz'))
  await forbidNpm()
}, 600_000)
afterAll(async () => {
  await Promise.all(started.map((program) => program.end()))
  await database.close()
  await rm(home, { recursive: true, force: true })
})

const npm = (...args: string[]) => promisify(execFile)('npm', args, { cwd: checkout })

async function pack(): Promise<string[]> {
  const { stdout } = await npm('pack', '--json', '--pack-destination', home)
  const [packed] = JSON.parse(stdout.slice(stdout.indexOf('[\n')))
  return packed.files.map(({ path }: { path: string }) => path)
}

/** First on the PATH, they record that they were called. */
async function forbidNpm(): Promise<void> {
  await mkdir(join(home, 'no-npm'))
  for (const name of ['npm', 'npx']) {
    const path = join(home, 'no-npm', name)
    await writeFile(path, `#!/bin/sh\necho "${name} $*" >> '${join(home, 'calls')}'\nexit 1\n`)
    await chmod(path, 0o755)
  }
}

function startInstalled(args: string[], settings: Record<string, string>): Running {
  const PATH = [join(home, 'no-npm'), dirname(process.execPath), process.env.PATH].join(delimiter)
  const program = startProgram(join(home, 'bin', 'storefeed'), args, { PATH, ...settings })
  started.push(program)
  return program
}

test('the package holds the build, the migrations, the demo and its documents, and nothing else', () => {
  const needed = [
    'dist/main.js',
    'migrations/meta/_journal.json',
    'src/cli/demo/products.csv',
    'dist/console/assets/console.css',
  ]
  expect(packedFiles).toEqual(expect.arrayContaining(needed))
  const rest = packedFiles.filter(
    (path) => !/^(dist\/.+\.(js(\.map)?|css)|migrations\/.+|src\/cli\/demo\/.+\.csv)$/.test(path),
  )
  expect(rest.sort()).toEqual(['LICENSE', 'README.md', 'package.json'])
})

test('the image holds what the package holds, built from files that exist', async () => {
  const ignored = await readFile(join(root, '.dockerignore'), 'utf8')
  expect(ignored.trim().split('\n').sort()).toEqual(
    ['*', ...sources.map((name) => `!${name}`)].sort(),
  )
  const [build = '', image = ''] = dockerfile.split(/^FROM .*$/m).slice(1)
  expect(build).toMatch(/^RUN npm pack && tar xf storefeed-\*\.tgz && npm prune/m)
  expect(image.match(/^COPY .*$/gm)).toEqual([
    'COPY --from=build /app/node_modules ./node_modules',
    'COPY --from=build /app/package ./',
  ])
})

test('the installed command runs the demo', async () => {
  const demo = startInstalled(['demo'], { DATA_DIR: join(home, 'data'), FEED_WAIT: '60s' })
  const [, feed = ''] = await demo.printed(/Product feed +(\S+)/)
  const products = await (await fetch(feed)).json()
  expect(products).toHaveLength(44)
  expect(await demo.end()).toMatchObject({ code: 0, stderr: '' })
}, 300_000)

test('the installed command imports and serves, and asks no registry', async () => {
  const file = join(home, 'products.csv')
  await writeFile(file, 'id,title\np1,Oven\n')
  const settings = { DATABASE_URL: database.url, FEEDS_PUBLIC: 'true', FEED_WAIT: '60s' }
  expect(await startInstalled(['import', file], settings).ended).toMatchObject({
    code: 0,
    stdout: `${file}, products: 1 created, 0 updated, 0 unchanged\n`,
  })
  const server = startInstalled([], settings)
  const [, url] = await server.printed(serving)
  const products = await (await fetch(`${url}/feeds/products.json`)).json()
  expect(products).toMatchObject([{ $id: 'p1', $title: 'Oven' }])
  expect(await server.end()).toMatchObject({ code: 0, stderr: '' })
  expect(await readdir(home)).not.toContain('calls')
}, 300_000)

test('SIGTERM to `npm start` stops the server', async () => {
  const settings = { DATABASE_URL: database.url, API_KEY: 'key-of-the-package-test' }
  const npmStart = startProgram('npm', ['start'], settings, { cwd: checkout })
  started.push(npmStart)
  const [, url = ''] = await npmStart.printed(serving)
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  const { stdout } = await npmStart.end('SIGTERM')
  expect(stdout).toContain('"msg":"storefeed stopped"')
  await expect(fetch(`${url}/healthz`)).rejects.toThrow('fetch failed')
}, 300_000)
