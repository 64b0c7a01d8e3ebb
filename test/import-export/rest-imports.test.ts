/** Imports and exports by REST: checked first, then applied, once. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { readImportQuery } from '../../src/import-export/import-contract.ts'
import { importKinds } from '../../src/import-export/import-kinds.ts'
import { createImportRuns } from '../../src/import-export/import-runs.ts'
import {
  addImport,
  beginApplication,
  endRun,
  removeExpiredImports,
  touchRun,
} from '../../src/import-export/stored-imports.ts'
import { run as runCommand } from '../cli/command-line.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

type Import = {
  id: string
  status: string
  error: string | null
  counts: Record<string, number> | null
  columns: { name: string; fields: string[] }[] | null
  changes: { id: string; before: object | null; after: object }[]
  rejected: { line: number; reason: string }[]
}

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())
beforeEach(async () => {
  await server.database.db.execute(
    sql`truncate products, stores, customers, orders, imports cascade`,
  )
})

const ask = (method: string, path: string, body?: string | Buffer, type = 'text/csv') =>
  server.ask(method, path, body?.toString(), body === undefined ? {} : { 'Content-Type': type })

async function send(query: string, content: string, type?: string): Promise<Import> {
  const { status, body, text } = await ask('POST', `/v1/imports?${query}`, content, type)
  if (status !== 201) throw new Error(text)
  return body as Import
}

const get = async (id: string) => (await ask('GET', `/v1/imports/${id}`)).body as Import
const apply = (id: string) => ask('POST', `/v1/imports/${id}/apply`)
const titles = async () =>
  (
    await server.database.db.execute<{ title: string }>(sql`select title from products order by id`)
  ).map(({ title }) => title)

describe('what a line of a file may hold', () => {
  const long = (values: number) => `{"id":"p","title":"x","categories":[${'1,'.repeat(values)}1]}\n`
  test('a line with more values than a body may hold is rejected before it is parsed, the others are read', async () => {
    const ndjson = `${long(50_000)}{"id":"p2","title":"Pan"}\n`
    const found = await send('kind=products', ndjson, 'application/x-ndjson')
    expect(found).toMatchObject({ status: 'checked', counts: { created: 1, rejected: 1 } })
    expect(found.rejected).toEqual([
      {
        line: 1,
        reason:
          'A line may hold at most 50,000 values, those in lists included; this one holds 50,005. Divide it.',
      },
    ])
  })

  test('an object of very many keys, and the key that schemas ignore, are rejected', async () => {
    const keys = Array.from({ length: 1_001 }, (_, n) => `"k${n}":1`).join(',')
    const ndjson = `{"id":"a","title":"x","metadata":{${keys}}}\n{"id":"b","title":"x","__proto__":{}}\n`
    const { rejected } = await send('kind=products', ndjson, 'application/x-ndjson')
    expect(rejected).toEqual([
      {
        line: 1,
        reason: 'An object may have at most 1,000 keys; one of the line has 1,001.',
      },
      { line: 2, reason: '__proto__ unknown field' },
    ])
  })

  test.each([
    ['text/csv', `id,title\n"p","${'x\n'.repeat(130_000)}"\n`],
    ['text/csv', `id,title\r${'x'.repeat(300_000)}\r`],
    ['application/x-ndjson', `\r{"id":"${'x'.repeat(300_000)}"}\n`],
  ])(
    'a row or line of more than 250,000 characters is refused, whatever ends its lines (%#)',
    async (type, content) => {
      const { status, error } = await send('kind=products', content, type)
      expect(status).toBe('refused')
      expect(error).toContain('of more than 250,000 characters')
    },
  )

  test('a row of very many cells is rejected, a header of very many refused', async () => {
    const csv = `id,title\np${','.repeat(1_000)}\np2,Pan\n`
    const { counts, rejected } = await send('kind=products', csv)
    expect(counts).toMatchObject({ created: 1, rejected: 1 })
    expect(rejected[0]?.reason).toContain('it has 1,001 cells; at most 1,000 are read')
    expect(await send('kind=products', `id,title${',x'.repeat(999)}\n`)).toMatchObject({
      status: 'refused',
      error: expect.stringContaining('it has 1,001 cells; at most 1,000 are read'),
    })
  })
})

describe('an import', () => {
  test('tells before it is applied what would be created, changed, left as it is and rejected', async () => {
    await ask('PUT', '/v1/products/p1', '{"title":"Pot","price":10}', 'application/json')
    await ask('PUT', '/v1/products/p2', '{"title":"Pan","price":20}', 'application/json')
    const csv = 'id,title,price,Colour\np1,Pot,12,red\np2,Pan,20,\np3,Ladle,5,\np4,Bad,x,\n'
    const checked = await send('kind=products&skip_unknown=true', csv)
    expect(checked).toMatchObject({
      status: 'checked',
      counts: { created: 1, updated: 1, unchanged: 1, skipped: 0, rejected: 1, lacking: null },
      columns: [
        { name: 'id', fields: ['id'] },
        { name: 'title', fields: ['title'] },
        { name: 'price', fields: ['price'] },
        { name: 'Colour', fields: [] },
      ],
      changes: [
        { id: 'p1', before: { price: 10 }, after: { price: 12 } },
        { id: 'p3', before: null, after: { title: 'Ladle', price: 5 } },
      ],
      rejected: [{ line: 5, reason: expect.stringContaining('price must be a number') }],
    })
    expect(await titles()).toEqual(['Pot', 'Pan'])
    const applied = await apply(checked.id)
    expect(applied.body).toMatchObject({ status: 'applied', counts: { created: 1, updated: 1 } })
    expect(await titles()).toEqual(['Pot', 'Pan', 'Ladle'])
    const rejects = await ask('GET', `/v1/imports/${checked.id}/rejects`)
    expect(rejects.headers.get('Content-Type')).toContain('text/csv')
    const corrected = rejects.text.replace(',"x",', ',"7",')
    const again = await send('kind=products&skip_unknown=true', corrected)
    expect(again).toMatchObject({ status: 'checked', counts: { created: 1, rejected: 0 } })
  })

  test('tells under which change of the history it was applied, unless it changed nothing', async () => {
    const { id } = await send('kind=products', 'id,title\np1,Pot\n')
    expect(await get(id)).toMatchObject({ change_id: null })
    const { body, headers } = await apply(id)
    expect(body).toMatchObject({ status: 'applied', change_id: headers.get('Change-Id') })
    const path = `/v1/changes/${headers.get('Change-Id')}`
    expect((await ask('GET', path)).body).toMatchObject({ via: 'import' })
    const same = await send('kind=products', 'id,title\np1,Pot\n')
    expect((await apply(same.id)).body).toMatchObject({ status: 'applied', change_id: null })
  })

  test('is applied once: of two at once one is told that it is too late', async () => {
    const { id } = await send('kind=products', 'id,title\np1,Pot\n')
    const answers = await Promise.all([apply(id), apply(id)])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
    expect(await apply(id)).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('is applied already') },
    })
    expect(await ask('POST', `/v1/imports/${id}/check?kind=stores`)).toMatchObject({ status: 409 })
  })

  test('whose file cannot be read so is refused, names its columns, and is checked again with other options', async () => {
    const refused = await send('kind=products', 'Code,Name,Colour\np1,Pot,red\n')
    expect(refused).toMatchObject({
      status: 'refused',
      error: expect.stringContaining('map=Code=…'),
      columns: [{ name: 'Code' }, { name: 'Name' }, { name: 'Colour' }],
      counts: null,
    })
    expect((await apply(refused.id)).status).toBe(409)
    const options = 'kind=products&map=Code=id&map=Name=title&skip_unknown=true'
    const checked = await ask('POST', `/v1/imports/${refused.id}/check?${options}`)
    expect(checked.body).toMatchObject({
      status: 'checked',
      columns: [{ fields: ['id'] }, { fields: ['title'] }, { fields: [] }],
    })
    expect((await apply(refused.id)).status).toBe(200)
    expect(await titles()).toEqual(['Pot'])
  })

  test('replaces records whole, or with merge changes only what the file names; the file wins over what was written since its check', async () => {
    const product = '{"title":"Pot","price":10,"brand":"Acme"}'
    await ask('PUT', '/v1/products/p1', product, 'application/json')
    const merging = await send('kind=products&merge=true', 'id,price\np1,12\n')
    const replacing = await send('kind=products', 'id,title,price\np1,Pot,13\n')
    expect(replacing).toMatchObject({ emptied: { brand: 1 } })
    await ask('PATCH', '/v1/products/p1', '{"price":99,"brand":"Other"}', 'application/json')
    await apply(merging.id)
    expect((await ask('GET', '/v1/products/p1')).body).toMatchObject({ price: 12, brand: 'Other' })
    await apply(replacing.id)
    expect((await ask('GET', '/v1/products/p1')).body).toMatchObject({ price: 13, brand: null })
  })

  test('with replace unpublishes what the file lacks, more than half only with yes', async () => {
    for (const id of ['p1', 'p2', 'p3'])
      await ask('PUT', `/v1/products/${id}`, '{"title":"T"}', 'application/json')
    const refused = await send('kind=products&replace=true', 'id,title\np1,T\n')
    expect(refused).toMatchObject({ status: 'refused', error: expect.stringContaining('yes=true') })
    const checked = await send('kind=products&replace=true&yes=true', 'id,title\np1,T\n')
    expect(checked).toMatchObject({ counts: { lacking: 2 } })
    expect((await apply(checked.id)).body).toMatchObject({ counts: { lacking: 2 } })
    const { body } = await ask('GET', '/v1/products?published=false')
    expect(body).toMatchObject({ products: [{ id: 'p2' }, { id: 'p3' }] })
  })

  test('takes NDJSON, the presets, and the options of the command', async () => {
    const ndjson = '{"id":"s1","title":"Boston"}\n{"id":"s2"}\n'
    const stores = await send('kind=stores', ndjson, 'application/x-ndjson')
    expect(stores).toMatchObject({ counts: { created: 1, rejected: 1 }, columns: null })
    const rejects = await ask('GET', `/v1/imports/${stores.id}/rejects`)
    expect(rejects.text).toContain('"line":2')
    const shopify =
      'Handle;Title;Variant SKU;Variant Price;Status\npot;Pot;P-1;"12,50";active\npot;;P-2;"13,50";\n'
    const options = 'from=shopify-products&variants=rows&delimiter=;&decimal=,'
    expect(await send(options, shopify)).toMatchObject({
      kind: 'products',
      changes: [
        { id: 'P-1', after: { title: 'Pot', price: 12.5 } },
        { id: 'P-2', after: { title: 'Pot', price: 13.5 } },
      ],
    })
    const refused = await send('from=shopify-products&delimiter=;', shopify)
    expect(refused.error).toContain('variants=first')
    expect(refused.error).not.toContain('--')
  })

  test.each([
    ['', 'kind', 422],
    ['kind=nothing', 'kind', 422],
    ['kind=products&map=x', 'map.0', 422],
    ['kind=products&dates=soon', 'dates', 422],
    ['kind=orders&merge=true', '', 422],
    ['kind=products&unknown=1', 'unknown', 422],
  ])('with the options "%s" is told which is wrong', async (query, field, status) => {
    const answer = await ask('POST', `/v1/imports?${query}`, 'id,title\np1,Pot\n')
    expect(answer.status).toBe(status)
    if (field) expect(answer.body).toMatchObject({ errors: [{ field }] })
  })

  test('orders and customers are shown with what they change as well', async () => {
    const orders =
      'id,total,customer.id,customer.email,items.product_id\no1,10,c1,a@klaviyo-demo.com,p\n'
    const checked = await send('kind=orders', orders)
    expect(checked).toMatchObject({ changes: [{ id: 'o1', before: null, after: { total: 10 } }] })
    expect((await ask('GET', '/v1/orders/o1')).status).toBe(404)
    await apply(checked.id)
    expect((await ask('GET', '/v1/orders/o1')).status).toBe(200)
  })
})

describe('an interruption', () => {
  const { kind, options } = readImportQuery({ kind: 'products' })
  const content = Buffer.from(
    `id,title\n${Array.from({ length: 5_000 }, (_, n) => `p${n},Product ${n}`).join('\n')}\n`,
  )
  const stored = { kind: kind.name, options: { kind: 'products' } }
  const log = { error: () => undefined }
  const runs = () => createImportRuns({ db: server.database.db, currency: 'USD', log })

  test('by a stop of the server is told, and the import can be applied again', async () => {
    const { db } = server.database
    const run = await addImport(db, stored, content)
    await runs().start({ run, kind, options, dryRun: true })
    const stopping = runs()
    const running = stopping.start({
      run: await beginApplication(db, run.id),
      kind,
      options,
      dryRun: false,
    })
    await stopping.stop()
    await running
    expect(await get(run.id)).toMatchObject({ status: 'interrupted', error: expect.any(String) })
    expect((await apply(run.id)).body).toMatchObject({ status: 'applied' })
    expect(await titles()).toHaveLength(5_000)
  })

  test('by a crash is seen after a minute, whichever server is asked', async () => {
    const { db } = server.database
    const run = await addImport(db, stored, content)
    await runs().start({ run, kind, options, dryRun: true })
    const crashed = await beginApplication(db, run.id)
    expect(await apply(run.id)).toMatchObject({ status: 409 })
    expect(await ask('DELETE', `/v1/imports/${run.id}`)).toMatchObject({ status: 409 })
    await db.execute(sql`update imports set touched_at = now() - interval '61 seconds'`)
    expect(await get(run.id)).toMatchObject({ status: 'interrupted' })
    expect((await apply(run.id)).body).toMatchObject({ status: 'applied' })
    // What the first one would still say does not count.
    expect(await touchRun(db, crashed, 1)).toBe(false)
    expect(await endRun(db, crashed, { status: 'interrupted' })).toBe(false)
    expect(await get(run.id)).toMatchObject({ status: 'applied' })
  })

  test('while it is checked leaves nothing to apply, until it is checked again', async () => {
    const { db } = server.database
    const { id } = await addImport(db, stored, content)
    await db.execute(sql`update imports set touched_at = now() - interval '61 seconds'`)
    expect((await apply(id)).status).toBe(409)
    expect((await ask('POST', `/v1/imports/${id}/check?kind=products`)).body).toMatchObject({
      status: 'checked',
      counts: { created: 5_000 },
    })
  })
})

describe('bounds', () => {
  test.each<[string, string, string, string]>([
    [
      'rows',
      'kind=availability',
      `product_id,store_id\n${'a,b\n'.repeat(100_001)}`,
      '100,000 rows',
    ],
    [
      'columns',
      'kind=products&skip_unknown=true',
      `id,title${',x'.repeat(1_000)}\n`,
      '1,002 cells',
    ],
    ['a line', 'kind=products', `id,title\np1,${'x'.repeat(250_000)}\n`, 'line 2'],
    ['an empty file', 'kind=products', '\n', 'is empty'],
  ])('%s: the import is refused', async (_, query, content, reason) => {
    const refused = await send(query, content)
    expect(refused).toMatchObject({ status: 'refused', error: expect.stringContaining(reason) })
  })

  test('a body of more than 10 MB, of another type, or of nothing', async () => {
    const large = 'x'.repeat(10_000_001)
    expect((await ask('POST', '/v1/imports?kind=products', large)).status).toBe(413)
    expect((await ask('POST', '/v1/imports?kind=products', '{}', 'application/json')).status).toBe(
      415,
    )
    expect((await ask('POST', '/v1/imports?kind=products', '')).status).toBe(422)
  })

  test('50 imports are kept, for a day', async () => {
    const { db } = server.database
    await db.execute(sql`
      insert into imports (id, kind, options, content, status, run)
      select 'i' || n, 'products', '{}', '', 'checked', '' from generate_series(1, 50) n`)
    expect((await ask('POST', '/v1/imports?kind=products', 'id,title\n')).status).toBe(409)
    expect((await ask('GET', '/v1/imports')).body).toMatchObject({ imports: { length: 50 } })
    expect((await ask('DELETE', '/v1/imports/i1')).status).toBe(204)
    expect((await ask('POST', '/v1/imports?kind=products', 'id,title\n')).status).toBe(201)
    await db.execute(
      sql`update imports set created_at = now() - interval '25 hours' where id <> 'i2'`,
    )
    await removeExpiredImports(db)
    expect((await ask('GET', '/v1/imports')).body).toMatchObject({ imports: [{ id: 'i2' }] })
    expect((await ask('GET', '/v1/imports/i3')).status).toBe(404)
    expect((await ask('GET', '/v1/imports/i3/rejects')).status).toBe(404)
  })
})

test('the formats name every kind with its fields, and the presets', async () => {
  const { body } = await ask('GET', '/v1/imports/formats')
  expect(body).toMatchObject({
    kinds: importKinds.map(({ name }) => ({ name })),
    presets: expect.arrayContaining([expect.objectContaining({ name: 'square-items' })]),
  })
})

describe('an export', () => {
  test.each([
    ['csv', 'text/csv'],
    ['ndjson', 'application/x-ndjson'],
  ])('is the file of the command, as %s', async (format, type) => {
    await server.database.db.execute(sql`
      insert into products (id, title, metadata) select 'p' || n, 'Product ' || n, '{"color":"red"}'
      from generate_series(1, 2500) n`)
    const answer = await ask('GET', `/v1/exports/products?format=${format}`)
    expect(answer.headers.get('Content-Type')).toContain(type)
    expect(answer.headers.get('Content-Disposition')).toContain(`products.${format}`)
    const command = await runCommand(['export', 'products', '--format', format], {
      DATABASE_URL: server.database.url,
    })
    expect(answer.text).toBe(command.stdout)
    const again = await send('kind=products', answer.text.replace('Product 7"', 'Changed"'), type)
    expect(again.status).toBe('checked')
  })

  test('of an unknown kind or format is told', async () => {
    expect((await ask('GET', '/v1/exports/orders')).status).toBe(422)
    expect((await ask('GET', '/v1/exports/stores?format=xml')).status).toBe(422)
  })

  test('that is asked for by HEAD is not made: any number of them keeps nothing', async () => {
    for (let n = 0; n < 15; n++)
      expect((await ask('HEAD', '/v1/exports/products')).headers.get('Content-Type')).toMatch(/csv/)
    expect((await ask('GET', '/v1/exports/products')).status).toBe(200)
  })

  test('that nobody reads to its end gives its connection back', async () => {
    await server.database.db.execute(sql`
      insert into products (id, title, description) select 'p' || n, 'T', repeat('x', 2000) from generate_series(1, 20000) n`)
    for (let n = 0; n < 6; n++) {
      const leaving = new AbortController()
      const response = await fetch(`${server.url}/v1/exports/products`, {
        headers: { Authorization: `Bearer ${server.key}`, 'Accept-Encoding': 'identity' },
        signal: leaving.signal,
      })
      expect(response.status).toBe(200)
      leaving.abort()
    }
    expect((await ask('GET', '/v1/exports/stores')).status).toBe(200)
  })
})
