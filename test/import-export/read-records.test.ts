import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ImportKind, importKinds } from '../../src/import-export/import-kinds.ts'
import { openInput } from '../../src/import-export/input-file.ts'
import { type Mapping, plainMapping } from '../../src/import-export/mapping.ts'
import { presets } from '../../src/import-export/presets/presets.ts'
import { checkFile } from '../../src/import-export/read-records.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'storefeed-records-test-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const kinds = new Map(importKinds.map((kind) => [kind.name, kind]))

/** The records of a file, or why each is rejected before it is written. */
async function read(
  kindName: ImportKind['name'],
  content: string | Buffer,
  given: Partial<Mapping> = {},
  encoding?: string,
) {
  const kind = kinds.get(kindName)
  if (!kind) throw new Error(kindName)
  const path = join(folder, 'file.csv')
  await writeFile(path, content)
  const input = await openInput(path, encoding)
  const file = await checkFile(
    input,
    kind,
    { mapping: { ...plainMapping('EUR'), ...given } },
    () => undefined,
  )
  const results: unknown[] = []
  for await (const record of file.records()) {
    if (!record) continue
    const error =
      'error' in record ? record.error : kind.startBatch(false).add(record.value, record.wanted)
    results.push(error ?? ('value' in record ? record.value : undefined))
  }
  return { results, notes: input.notes }
}

const format = (given: Partial<Mapping['format']>) => ({ format: { currency: 'EUR', ...given } })

describe('encodings', () => {
  const text = 'id,title\np1,Crème brûlée\n'
  test.each([
    ['UTF-16LE', Buffer.from(`\ufeff${text}`, 'utf16le')],
    ['UTF-16LE', Buffer.from(text, 'utf16le')],
    ['UTF-16BE', Buffer.from(`\ufeff${text}`, 'utf16le').swap16()],
    ['Windows-1252', Buffer.from(text, 'latin1')],
  ])('%s is found and told', async (name, bytes) => {
    const { results, notes } = await read('products', bytes)
    expect(results).toEqual([{ id: 'p1', title: 'Crème brûlée' }])
    expect(notes.join()).toContain(`read as ${name}`)
  })

  test('an encoding that is named is taken', async () => {
    const bytes = Buffer.from([...Buffer.from('id,title\np1,'), 0xa4])
    const { results, notes } = await read('products', bytes, {}, 'iso-8859-15')
    expect([results, notes]).toEqual([[{ id: 'p1', title: '€' }], []])
  })
})

describe('numbers', () => {
  test.each<[string, Partial<Mapping['format']>, number]>([
    ['19.90', {}, 19.9],
    ['1,234.50', {}, 1234.5],
    ['1,234,567', {}, 1234567],
    ['19,90', { decimal: ',' }, 19.9],
    ['1.234,50 €', { decimal: ',' }, 1234.5],
    ['1.234', { decimal: ',' }, 1234],
    ['1\u202f234,50', { decimal: ',' }, 1234.5],
    ["1'234.50", {}, 1234.5],
    ['EUR 5', {}, 5],
    ['€5', {}, 5],
    ['$1,234.50', { currency: 'USD' }, 1234.5],
    ['US$ 5', { currency: 'USD' }, 5],
    ['1,234', { decimal: '.' }, 1234],
  ])('%s with %j is %d', async (cell, given, price) => {
    const csv = `id\ttitle\tprice\np1\tT\t${cell}\n`
    expect((await read('products', csv, format(given))).results).toMatchObject([{ price }])
  })

  test.each<[string, Partial<Mapping['format']>, string]>([
    [
      '19,90',
      {},
      'price must be a number with a decimal point (if the file writes a comma: --decimal ,), got "19,90"',
    ],
    [
      '1,234',
      {},
      'price must be a number with a decimal point (if the file writes a comma: --decimal ,), got "1,234"',
    ],
    [
      '19.90',
      { decimal: ',' },
      'price must be a number with a decimal comma (if the file writes a point: --decimal .), got "19.90"',
    ],
    ['$5', {}, 'price must be a number, in EUR if it is an amount, got "$5"'],
    ['-5', {}, 'price must be at least 0, got -5'],
    ['x', {}, 'price must be a number, got "x"'],
  ])('%s with %j is rejected', async (cell, given, reason) => {
    const csv = `id\ttitle\tprice\np1\tT\t${cell}\n`
    expect((await read('products', csv, format(given))).results).toEqual([reason])
  })
})

describe('times', () => {
  const berlin = { timezone: 'Europe/Berlin' }
  test.each<[string, Partial<Mapping['format']>, string]>([
    ['2024-03-02T10:15:22Z', {}, '2024-03-02T10:15:22.000Z'],
    ['2024-03-02 10:15:22 -0500', {}, '2024-03-02T15:15:22.000Z'],
    ['2024-03-02T10:15:22-05:00', {}, '2024-03-02T15:15:22.000Z'],
    ['2024-03-02 10:15:22 +0000', {}, '2024-03-02T10:15:22.000Z'],
    ['2024-03-02 10:15', berlin, '2024-03-02T09:15:00.000Z'],
    ['02.07.2024 10:15', { ...berlin, dates: 'dd.mm.yyyy' }, '2024-07-02T08:15:00.000Z'],
    ['2.7.24', { ...berlin, dates: 'd.m.yy' }, '2024-07-01T22:00:00.000Z'],
    [
      '7/2/2024 1:05 PM',
      { timezone: 'America/New_York', dates: 'm/d/yyyy' },
      '2024-07-02T17:05:00.000Z',
    ],
  ])('%s with %j is %s', async (cell, given, at) => {
    const csv = `customer.id,store_id,at\nc1,s1,${cell}\n`
    expect((await read('visits', csv, format(given))).results).toMatchObject([{ at }])
  })

  test.each<[string, Partial<Mapping['format']>]>([
    ['2024-03-02 10:15', {}],
    ['31.02.2024', { ...berlin, dates: 'dd.mm.yyyy' }],
    ['2024-03-02 25:15', berlin],
    ['yesterday', berlin],
  ])('%s with %j is rejected once, with its value and what is wanted', async (cell, given) => {
    const csv = `customer.id,store_id,at\nc1,s1,${cell}\n`
    const { results } = await read('visits', csv, format(given))
    expect(results).toEqual([expect.stringMatching(/^at must be a time[^;]*such as [^;]*$/)])
    expect(results[0]).toContain(`got "${cell}"`)
  })
})

describe('cells', () => {
  test.each([
    ['ja', true],
    ['Nein', false],
    ['oui', true],
    ['sí', true],
    ['WAHR', true],
    ['0', false],
  ])('%s is %s', async (cell, in_store_only) => {
    const csv = `id,title,in_store_only\np1,T,${cell}\n`
    expect((await read('products', csv)).results).toMatchObject([{ in_store_only }])
  })

  test.each([
    ["'02116", '02116'],
    ['="00123"', '00123'],
    ["'s-Hertogenbosch", "'s-Hertogenbosch"],
    ["'68 Comeback", "'68 Comeback"],
  ])('%s is the text %s', async (cell, title) => {
    expect((await read('stores', `id,title\ns1,${cell}\n`)).results).toEqual([{ id: 's1', title }])
  })

  test('empty header cells, blank lines and empty cells past the header are ignored', async () => {
    const csv = 'sep=;\nid;title;;\np1;One;;;;\n\n;;;\n   \np2;Two;;\n'
    expect((await read('products', csv)).results).toEqual([
      { id: 'p1', title: 'One' },
      { id: 'p2', title: 'Two' },
    ])
  })
})

describe('an id that a file names twice', () => {
  const csv = 'id,title,sku,price\np1,Shirt,S-1,10\np1,,S-2,12\np2,Hat,H-1,5\np1,,S-3,14\n'
  test('is told before anything is written', async () => {
    await expect(read('products', csv)).rejects.toThrow(
      /names 2 ids again: "p1" \(lines 2 and 3\), "p1" \(lines 2 and 5\)\..*--variants first/,
    )
    await expect(read('customers', 'id,email\nc1,a@b.de\nc1,b@b.de\n')).rejects.toThrow('"c1"')
  })

  test('is one product with --variants first', async () => {
    const { results } = await read('products', csv, { variants: 'first' })
    expect(results).toMatchObject([{ id: 'p1', sku: 'S-1' }, { id: 'p2' }])
  })

  test('is a product of each row with --variants rows', async () => {
    const { results } = await read('products', csv.split('\n').slice(0, 4).join('\n'), {
      variants: 'rows',
    })
    expect(results).toEqual([
      { id: 'S-1', sku: 'S-1', title: 'Shirt', price: 10 },
      { id: 'S-2', sku: 'S-2', title: 'Shirt', price: 12 },
      { id: 'H-1', sku: 'H-1', title: 'Hat', price: 5 },
    ])
  })

  const header = 'id,total,customer.id,items.product_id\n'
  test('is an order whose rows do not stand together: it is told, never half of it read', async () => {
    const orders = `${header}o1,3,c1,a\no2,1,c1,b\no1,3,c1,c\n`
    await expect(read('orders', orders)).rejects.toThrow(
      'names 1 id again, with other rows between: "o1" (lines 2 and 4). Put the rows',
    )
  })

  test.each([
    ['o1,3,c1,a\no1,3,c1,"b"x\no1,3,c1,c\n', 'line 3: cell 4 has text after'],
    ['o1,3,c1,a\n,,,b\no2,1,c1,d\n', 'line 3: the row has no id'],
    ['o1,3,c1,a\no1,3\no2,1,c1,d\n', 'line 3: the row has 2 cells, the header 4'],
  ])('a row that cannot be read takes the orders next to it along (%#)', async (rows, reason) => {
    const { results } = await read('orders', header + rows)
    expect(results[0]).toContain(reason)
    expect(results.filter((result) => typeof result !== 'string')).toEqual([])
  })
})

describe('presets', () => {
  const preset = (name: string) => ({ preset: presets.find((one) => one.name === name) })

  const shopify =
    'Handle,Title,Body (HTML),Vendor,Product Category,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,Variant Barcode,Image Src,Image Position,Variant Image,Status\n' +
    'shirt,Shirt,"<p>Soft, ""light""</p>\nand more",Acme,,Tops,"new, sale",true,Size,S,SH-S,shopify,3,deny,19.90,\'400638,https://cdn.example/1.jpg,1,,active\n' +
    'shirt,,,,,,,,,M,SH-M,shopify,0,continue,21.90,,https://cdn.example/2.jpg,2,https://cdn.example/m.jpg,\n' +
    'shirt,,,,,,,,,,,,,,,,https://cdn.example/3.jpg,3,,\n' +
    'draft,Draft,,Acme,,,,false,Title,Default Title,DR,shopify,1,deny,5,,,,,draft\n' +
    'old,Old,,Acme,,,,true,Title,Default Title,OL,shopify,1,deny,5,,,,,archived\n'

  test("shopify-products reads Shopify's export and publishes neither drafts nor archived products", async () => {
    const given = preset('shopify-products')
    await expect(read('products', shopify, given)).rejects.toThrow('--variants rows')
    const first = await read('products', shopify, { ...given, variants: 'first' })
    expect(first.results).toMatchObject([
      {
        id: 'shirt',
        title: 'Shirt',
        description: '<p>Soft, "light"</p>\nand more',
        brand: 'Acme',
        categories: ['new', 'sale'],
        sku: 'SH-S',
        price: 19.9,
        inventory_quantity: 3,
        inventory_policy: 1,
        image_link: 'https://cdn.example/1.jpg',
        published: true,
      },
      { id: 'draft', published: false },
      { id: 'old', published: false },
    ])
    const rows = await read('products', shopify, { ...given, variants: 'rows' })
    expect(rows.results).toMatchObject([
      { id: 'SH-S', published: true },
      {
        id: 'SH-M',
        title: 'Shirt',
        price: 21.9,
        image_link: 'https://cdn.example/m.jpg',
        published: true,
      },
      { id: 'DR', published: false },
      { id: 'OL', published: false },
    ])
    const only = [{ column: 'Status', values: ['active'] }]
    const active = await read('products', shopify, { ...given, variants: 'rows', only })
    expect(active.results).toMatchObject([{ id: 'SH-S' }, { id: 'SH-M' }])
  })

  test("shopify-orders joins the rows of Shopify's order export", async () => {
    const csv =
      'Name,Email,Financial Status,Paid at,Fulfillment Status,Currency,Subtotal,Shipping,Taxes,Total,Discount Code,Discount Amount,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Billing Name,Billing Street,Billing Address1,Billing City,Billing Zip,Billing Province,Billing Country,Vendor,Id,Location,Phone\n' +
      "#1001,ada@klaviyo-demo.com,paid,2024-03-02 10:15:22 -0500,fulfilled,EUR,40.00,0,0,40.00,SPRING,2.00,2024-03-02 10:15:20 -0500,2,Shirt - S,10.00,SH-S,Ada L,1 Main St,1 Main St,Boston,'02116,MA,US,Acme,555,Boston,\n" +
      '#1001,ada@klaviyo-demo.com,,,,,,,,,,,,1,Engraving,20.00,,,,,,,,,,,,\n'
    const { results } = await read('orders', csv, preset('shopify-orders'))
    expect(results).toMatchObject([
      {
        id: '#1001',
        placed_at: '2024-03-02T15:15:20.000Z',
        currency: 'EUR',
        total: 40,
        discount_code: 'SPRING',
        customer: { email: 'ada@klaviyo-demo.com', zip: '02116' },
        items: [
          { product_id: 'SH-S', quantity: 2, item_price: 10 },
          { product_id: 'Engraving', product_name: 'Engraving', quantity: 1 },
        ],
      },
    ])
  })

  test("woocommerce-products reads WooCommerce's export, with or without variations", async () => {
    const csv =
      '\ufeffID,Type,SKU,Name,Published,"Is featured?","Visibility in catalog","Short description",Description,"In stock?",Stock,"Backorders allowed?","Sale price","Regular price",Categories,Images,Parent\n' +
      '10,variable,H,Hoodie,1,0,visible,,"Warm, soft",1,,0,,,"Clothing > Hoodies, Sale","https://x.example/a b.jpg, https://x.example/b.jpg",\n' +
      '11,variation,H-B,"Hoodie - Blue",1,0,visible,,,1,4,1,40,45,,,id:10\n' +
      '12,simple,C,Cap,-1,0,visible,,,1,2,notify,,9.90,,,\n' +
      '13,"simple, virtual",G,Gift,1,0,hidden,,,1,,0,,5,,,\n'
    const given = preset('woocommerce-products')
    await expect(read('products', csv, given)).rejects.toThrow('--variants rows')
    const first = await read('products', csv, { ...given, variants: 'first' })
    expect(first.results).toMatchObject([
      {
        id: '10',
        categories: ['Clothing > Hoodies', 'Sale'],
        image_link: 'https://x.example/a b.jpg',
        published: true,
      },
      { id: '12', published: false, inventory_policy: 2 },
      { id: '13', published: false },
    ])
    const rows = await read('products', csv, { ...given, variants: 'rows' })
    expect(rows.results).toMatchObject([{ id: '11', price: 40 }, { id: '12' }, { id: '13' }])
  })

  test('square-items sums the stock of all locations', async () => {
    const csv =
      'Token,Item Name,Customer-facing Name,Variation Name,SKU,Description,Categories,Price,Archived,GTIN,Current Quantity Main St,Current Quantity Pier 3\n' +
      'T1,Candle,,Small,C-S,Soy wax,Home,€12.00,N,,10,-2\nT2,Service,,Regular,,,,variable,Y,,,\n'
    const { results } = await read('products', csv, preset('square-items'))
    expect(results).toMatchObject([
      { id: 'T1', title: 'Candle', price: 12, inventory_quantity: 10, published: true },
      { id: 'T2', title: 'Service', published: false },
    ])
  })

  const subcategories = Array.from({ length: 9 }, (_, n) => `Subcategory ${n + 1}`).join()
  const rSeries =
    `System ID,UPC,EAN,Custom SKU,Manufact. SKU,Item,Vendor ID,Qty.,Price,Tax,Brand,Publish to eCom,Season,Department,MSRP,Tax Class,Default Cost,Vendor,Category,${subcategories}\n` +
    `210000000001,,,LS-1,M-1,Lamp,V-9,4,"€1,200.00",Yes,Acme,Yes,,,1300.00,Item,600.00,Lights Ltd,Light,Table${',,'.repeat(4)}\n` +
    `210000000002,,,,M-2,"Bulb, 40 W",V-9,-1,€3.50,Yes,,No,,,,Item,1.00,Lights Ltd,${','.repeat(9)}\n`
  const xSeries =
    'id,handle,sku,composite_name,composite_sku,composite_quantity,name,description,product_category,variant_option_one_name,variant_option_one_value,variant_option_two_name,variant_option_two_value,variant_option_three_name,variant_option_three_value,tags,active_online,weight,supply_price,retail_price,tax_name,tax_value,account_code,account_code_purchase,brand_name,supplier_name,supplier_code,active,track_inventory,inventory_Main_Outlet,reorder_point_Main_Outlet,restock_level_Main_Outlet,inventory_Pier,reorder_point_Pier,restock_level_Pier\n' +
    '0af7-1,lamp,LS-1,,,,Lamp,<p>Warm light</p>,Light,Size,Small,,,,,"new,sale",1,0.5,600,1200,VAT,20,,,Acme,Lights Ltd,V-9,1,1,3,1,5,1,1,5\n' +
    '0af7-2,lamp,LS-2,,,,Lamp,,Light,Size,Large,,,,,,0,,700,1400,VAT,20,,,Acme,Lights Ltd,V-9,0,1,-2,1,5,2,1,5\n'

  test.each([
    [
      'R-Series',
      rSeries,
      [
        ['210000000001', 'Lamp', 'LS-1', 1200, 'Acme', ['Light'], 4, undefined, undefined],
        ['210000000002', 'Bulb, 40 W', 'M-2', 3.5, undefined, undefined, -1, undefined, undefined],
      ],
    ],
    [
      'X-Series',
      xSeries,
      [
        ['0af7-1', 'Lamp', 'LS-1', 1200, 'Acme', ['Light'], 4, '<p>Warm light</p>', true],
        ['0af7-2', 'Lamp', 'LS-2', 1400, 'Acme', ['Light'], 2, undefined, false],
      ],
    ],
  ])("lightspeed-items reads the item export of Lightspeed's %s", async (_, csv, wanted) => {
    const { results } = await read('products', csv, preset('lightspeed-items'))
    const fields = 'id title sku price brand categories inventory_quantity description published'
    expect(results.map((one) => fields.split(' ').map((field) => Object(one)[field]))).toEqual(
      wanted,
    )
  })
})
