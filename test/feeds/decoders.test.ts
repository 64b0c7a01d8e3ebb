import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { createGunzip } from 'node:zlib'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../support/server.ts'
import { gzip, poll } from './polls.ts'

let server: TestServer
let directory: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'storefeed-decoders-'))
  server = await startTestServer({ feedsPublic: true })
  await server.database.db.execute(sql`
    insert into products (id, title, description) select 'p' || n, 'Produit no ' || n, repeat('é日🍲' || md5(n::text), n % 40)
    from generate_series(1, 3000) n`)
})
afterAll(async () => {
  await server.stop()
  await rm(directory, { recursive: true })
})

const pythonReads = 'import gzip, sys; sys.stdout.buffer.write(gzip.open(sys.argv[1]).read())'

const run = promisify(execFile)

/** Undefined where the program is not installed; throws when it fails. */
async function output(program: string, args: string[]): Promise<Buffer | undefined> {
  try {
    return (await run(program, args, { encoding: 'buffer', maxBuffer: 2 ** 26 })).stdout
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

describe.each([
  'products.json',
  'products.xml',
  'products.3-of-4.json',
  'products.64-of-64.xml',
  'stores.json',
])('%s', (file) => {
  let url: string
  let text: string
  let packed: string

  beforeAll(async () => {
    url = `${server.url}/feeds/${file}`
    text = (await poll(url)).text
    packed = join(directory, `${file}.gz`)
    await writeFile(packed, (await poll(url, { headers: gzip })).body)
  })

  const programs: [string, string, () => string[]][] = [
    ['gunzip', 'gunzip', () => ['-c', packed]],
    ["Python's gzip", 'python3', () => ['-c', pythonReads, packed]],
    ['curl --compressed', 'curl', () => ['-s', '--compressed', url]],
  ]

  for (const [name, program, args] of programs) {
    // curl is answered by this process, so it is waited for without blocking it.
    test(`is read by ${name}`, async (context) => {
      const read = await output(program, args())
      context.skip(read === undefined, `${program} is not installed`)
      expect(read?.toString()).toBe(text)
    })
  }

  test('is whole to gunzip -t', async (context) => {
    context.skip((await output('gunzip', ['-t', packed])) === undefined, 'gunzip is not installed')
  })

  test("is read by Node's fetch, and by its gunzip a byte at a time", async () => {
    expect(await (await fetch(url)).text()).toBe(text)
    const { body } = await poll(url, { headers: gzip })
    const bytes = Readable.from([...body.subarray(0, 5000)].map((byte) => Buffer.of(byte)))
    async function* trickle() {
      yield* bytes
      yield body.subarray(5000)
    }
    expect((await buffer(Readable.from(trickle()).pipe(createGunzip()))).toString()).toBe(text)
  })
})
