import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from './support/database.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

type Package = {
  integrity?: string
  license?: string
  dev?: boolean
  optional?: boolean
  hasInstallScript?: boolean
}
let packages: [path: string, Package][]
let database: TestDatabase
let home: string

beforeAll(async () => {
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8'))
  packages = Object.entries<Package>(lock.packages).filter(([path]) => path !== '')
  database = await createTestDatabase()
  home = await mkdtemp(join(tmpdir(), 'storefeed-image-'))
})
afterAll(async () => {
  await database.close()
  await rm(home, { recursive: true, force: true })
})

const ofImage = () => packages.filter(([, { dev, optional }]) => !dev && !optional)

test('every package is locked to its content, and its install scripts are not run', async () => {
  expect(packages.length).toBeGreaterThan(100)
  expect(packages.filter(([, { integrity }]) => !integrity?.startsWith('sha512-'))).toEqual([])
  const { allowScripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  const scripted = packages.filter(([, { hasInstallScript }]) => hasInstallScript)
  const names = new Set(scripted.map(([path]) => path.split('node_modules/').at(-1)))
  expect(allowScripts).toEqual(Object.fromEntries([...names].map((name) => [name, false])))
  expect(await readFile(join(root, 'Dockerfile'), 'utf8')).toContain('npm ci --ignore-scripts\n')
})

test('every package of the image has a licence that goes with MIT', () => {
  const licences = new Set(ofImage().map(([, { license }]) => license))
  const free = ['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'Unlicense']
  expect([...licences].filter((licence) => !free.includes(licence ?? ''))).toEqual([])
})

/** Lays out what the last stage of the Dockerfile contains, without permission to write anywhere. */
async function layOut(): Promise<string> {
  for (const [path] of ofImage())
    await cp(join(root, path), join(home, path), { recursive: true, force: false })
  await cp(dirname(inject('main')), join(home, 'dist'), { recursive: true })
  await cp(join(root, 'migrations'), join(home, 'migrations'), { recursive: true })
  await cp(join(root, 'package.json'), join(home, 'package.json'))
  await cp(join(root, 'src', 'cli', 'demo'), join(home, 'src', 'cli', 'demo'), { recursive: true })
  await chmod(home, 0o555)
  return join(home, 'dist', 'main.js')
}

/** As the Dockerfile has it. */
async function healthcheck(): Promise<[command: string, ...args: string[]]> {
  const dockerfile = await readFile(join(root, 'Dockerfile'), 'utf8')
  const [, line = ''] = /HEALTHCHECK[^\n]*\\\n\s*CMD (\[.*\])/.exec(dockerfile) ?? []
  return JSON.parse(line)
}

/** The user `nobody`; without root there are no rights to drop. */
const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}

test('the production packages alone serve, read-only, as an unprivileged user, and the health check reports it', async () => {
  const main = await layOut()
  const key = 'key-of-the-image-test'
  const env = {
    PATH: process.env.PATH,
    HOME: '/nonexistent',
    TMPDIR: '/nonexistent',
    NODE_ENV: 'production',
    DATABASE_URL: database.url,
    HOST: '127.0.0.1',
    PORT: '0',
    API_KEY: key,
    STOP_GRACE: '0s',
  }
  const server = spawn(process.execPath, [main], {
    cwd: home,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
    ...nobody,
  })
  const ended = once(server, 'exit')
  try {
    const url = await served(server.stdout)
    const headers = { Authorization: `Bearer ${key}` }
    for (const path of ['/docs', '/openapi.json', '/v1/products', '/feeds/products.xml'])
      expect([path, (await fetch(`${url}${path}`, { headers })).status]).toEqual([path, 200])
    const page = await (await fetch(`${url}/console/sign-in`)).text()
    const files = [...page.matchAll(/"(\/console\/assets\/[^"]+)"/g)].map(([, path]) => path)
    expect(files).toHaveLength(3)
    for (const path of files)
      expect([path, (await fetch(`${url}${path}`)).status]).toEqual([path, 200])

    const [command, ...args] = await healthcheck()
    const check = (port: string) =>
      promisify(execFile)(command, args, { env: { ...env, PORT: port } })
    await check(new URL(url).port)
    await expect(check('1')).rejects.toMatchObject({ code: 1 })
  } finally {
    server.kill()
  }
  expect(await ended).toEqual([0, null])
})

async function served(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface(output)) {
    const { msg, url } = line.startsWith('{') ? JSON.parse(line) : {}
    if (msg === 'storefeed serves') {
      output.resume()
      return url
    }
  }
  throw new Error('the server ended before it served')
}
