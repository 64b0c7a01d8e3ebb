/** What else can run beside a recorded write or an undo; and how much of the history is kept. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Recording, startRecording } from '../../src/db/recording.ts'
import { removeOldChanges } from '../../src/history/retention.ts'
import { run } from '../cli/command-line.ts'
import { untilWaiting } from '../support/lock-waits.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { changeOf, changesOf, idOf, undo } from './changes.ts'

let server: TestServer
let ask: TestServer['ask']
beforeAll(async () => {
  server = await startTestServer()
  ask = server.ask
})
afterAll(() => server.stop())

const product = async (id: string) => Object((await ask('GET', `/v1/products/${id}`)).body)
const byTest = (): Recording => startRecording({ via: 'rest', keyId: null, name: null })

test('of two undos at once one restores, the other finds nothing to do', async () => {
  await ask('PUT', '/v1/products/twice', { title: 'Twice', store_ids: [] })
  for (let round = 0; round < 5; round++) {
    const removed = idOf(await ask('DELETE', '/v1/products/twice'))
    const results = await Promise.all([undo(server, removed), undo(server, removed)])
    expect(results.map(({ restored }) => restored).sort()).toEqual([0, 1])
    expect(results.map(({ conflicts }) => conflicts)).toEqual([0, 0])
  }
})

test('an undo beside an edit waits for it, and leaves what it wrote', async () => {
  await ask('PUT', '/v1/products/edited', { title: 'Edited', price: 1, brand: 'A' })
  const changed = idOf(await ask('PATCH', '/v1/products/edited', { price: 2, brand: 'B' }))
  let undone: Promise<Record<string, unknown>> | undefined
  await server.database.db.transaction(async (tx) => {
    await tx.execute(sql`update products set brand = 'C' where id = 'edited'`)
    undone = undo(server, changed)
    await expect
      .poll(async () =>
        server.database.db.execute(sql`
          select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`),
      )
      .toHaveLength(1)
  })
  expect(await undone).toMatchObject({
    restored: 1,
    conflicts: 1,
    conflicting: [{ field: 'brand' }],
  })
  expect(await product('edited')).toMatchObject({ price: 1, brand: 'C' })
})

test('of two changes of one record the one that wrote last is the newest, although it began first', async () => {
  for (const id of ['held', 'overtaken'])
    await ask('PUT', `/v1/products/${id}`, { title: 'Pan', price: 1, brand: 'Overtaken' })
  const { db } = server.database
  const { last, first } = await db.transaction(async (tx) => {
    await tx.execute(sql`select from products where id = 'held' for update`)
    const last = ask('POST', '/v1/products/bulk', {
      where: { brand: 'Overtaken' },
      patch: { price: 3 },
    })
    await untilWaiting(db, 1)
    return { last, first: idOf(await ask('PATCH', '/v1/products/overtaken', { price: 2 })) }
  })
  const newest = [idOf(await last), first]
  expect((await changesOf(server, 'product_id=overtaken')).slice(0, 2)).toMatchObject(
    newest.map((id) => ({ id })),
  )
  for (const id of newest) expect(await undo(server, id)).toMatchObject({ conflicts: 0 })
  expect(await product('overtaken')).toMatchObject({ price: 1 })
})

test('an undo beside others who create the same id again never fails, and never overwrites', async () => {
  for (let round = 0; round < 8; round++) {
    const id = `raced-${round}`
    await ask('PUT', `/v1/products/${id}`, { title: 'First' })
    const removed = idOf(await ask('DELETE', `/v1/products/${id}`))
    const [created, undone] = await Promise.all([
      ask('POST', '/v1/products', { id, title: 'Second' }),
      undo(server, removed),
    ])
    const won = created.status === 201 ? 'Second' : 'First'
    expect([created.status, Number(undone.restored) + Number(undone.conflicts)]).toEqual([
      won === 'Second' ? 201 : 409,
      1,
    ])
    expect(await product(id)).toMatchObject({ title: won })
  }
})

test('a transaction that is tried again is recorded once', async () => {
  await ask('PUT', '/v1/products/retried', { title: 'Retried', price: 1 })
  const recording = byTest()
  const db = server.database.db.recorded(recording)
  await expect(
    db.transaction(async (tx) => {
      await tx.execute(sql`update products set price = 2 where id = 'retried'`)
      throw new Error('rolled back')
    }),
  ).rejects.toThrow('rolled back')
  expect(recording.isRecorded).toBe(false)
  await db.transaction((tx) => tx.execute(sql`update products set price = 3 where id = 'retried'`))
  expect(await changeOf(server, recording.changeId)).toMatchObject({
    counts: [{ count: 1 }],
    records: [{ before: { price: 1 }, after: { price: 3 } }],
  })
})

test('a process that is killed in the middle of a write leaves no change', async () => {
  const before = await changesOf(server)
  const script = `
    import { connect } from './src/db/connection.ts'
    import { startRecording } from './src/db/recording.ts'
    const { db } = connect(process.argv[1] ?? '')
    await db.recorded(startRecording({ via: 'rest', keyId: null, name: null })).transaction(async (tx) => {
      await tx.insert((await import('./src/db/schema/catalog.ts')).products).values({ id: 'killed', title: 'Killed' })
      console.log('written')
      await new Promise((resolve) => setTimeout(resolve, 600_000))
    })`
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '-e', script, server.database.url],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(await changesOf(server)).toEqual(before)
  expect((await ask('PUT', '/v1/products/killed', { title: 'Free' })).status).toBe(201)
})

test('an import in many transactions is one change, which undo takes back', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'storefeed-history-'))
  try {
    await ask('PUT', '/v1/products/i-1', { title: 'Kept', price: 1 })
    const rows = Array.from({ length: 2_500 }, (_, n) => `i-${n},Imported ${n},${n}`)
    const file = join(folder, 'products.csv')
    await writeFile(file, ['id,title,price', ...rows].join('\n'))
    const settings = { DATABASE_URL: server.database.url }
    expect(await run(['import', file], settings)).toMatchObject({ code: 0 })
    const [imported, ...more] = await changesOf(server, 'via=import')
    expect(more).toEqual([])
    expect(imported).toMatchObject({
      actor: null,
      file,
      complete: true,
      counts: [
        { kind: 'product', action: 'created', count: 2499 },
        { kind: 'product', action: 'updated', count: 1 },
      ],
    })
    await ask('PATCH', '/v1/products/i-7', { brand: 'Since' })
    expect(await undo(server, Object(imported).id)).toMatchObject({
      restored: 2499,
      conflicts: 1,
      conflicting: [{ product_id: 'i-7', field: 'brand' }],
    })
    expect(await product('i-1')).toMatchObject({ title: 'Kept', price: 1 })
    const left = Object((await ask('GET', '/v1/products?q=i-&count=true')).body)
    expect(left.products.map(({ id }: { id: string }) => id)).toEqual(['i-1', 'i-7'])
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('of a change that is larger than undo takes only the number is kept', async () => {
  const recording = byTest()
  const { db } = server.database
  await db.recorded(recording).transaction(async (tx) => {
    await tx.execute(sql`insert into products (id, title) values ('large', 'Large')`)
    await tx.execute(
      sql`insert into products (id, title) select 'large-' || n, 'L' from generate_series(1, 10000) n`,
    )
  })
  expect(await changeOf(server, recording.changeId)).toMatchObject({
    complete: false,
    counts: [{ kind: 'product', action: 'created', count: 10_001 }],
    records: [{ product_id: 'large' }],
  })
  const refused = await ask('POST', `/v1/changes/${recording.changeId}/undo`, {})
  expect([refused.status, refused.text]).toEqual([
    409,
    expect.stringContaining('too large to be undone'),
  ])
  await db.execute(sql`delete from products where id like 'large%'`)
})

test('what is older than 90 days goes, and the oldest beyond a number of records', async () => {
  const { db } = server.database
  const old = idOf(await ask('PUT', '/v1/products/old', { title: 'Old' }))
  await db.execute(
    sql`update history_changes set at = now() - interval '91 days' where id = ${old}`,
  )
  expect(await removeOldChanges(db)).toBe(1)
  expect((await ask('GET', `/v1/changes/${old}`)).status).toBe(404)
  const [first, second] = [
    idOf(await ask('PATCH', '/v1/products/old', { price: 1 })),
    idOf(await ask('PATCH', '/v1/products/old', { price: 2 })),
  ]
  expect(await removeOldChanges(db, 1)).toBeGreaterThan(0)
  expect(await changesOf(server)).toMatchObject([{ id: second }])
  expect((await ask('GET', `/v1/changes/${first}`)).status).toBe(404)
  const [records] = await db.execute(sql`select count(*)::int as count from history_records`)
  expect(records).toEqual({ count: 1 })
})
