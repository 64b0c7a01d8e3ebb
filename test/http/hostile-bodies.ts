/** Requests whose bodies are made to cost much more than they seem to. */

export type HostileBody = {
  name: string
  method: string
  path: string
  type: string
  body: () => string
}

const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index))
const fill = (count: number, text: string, separator = ',') =>
  Array(count).fill(text).join(separator)

const batch = (name: string, product: (index: number) => object, products = 1_000) =>
  post(name, '/v1/products/batch', () => JSON.stringify({ products: times(products, product) }))

const post = (name: string, path: string, body: () => string): HostileBody => ({
  name,
  method: 'POST',
  path,
  type: 'application/json',
  body,
})

const file = (name: string, type: string, body: () => string): HostileBody => ({
  ...post(name, '/v1/imports?kind=products', body),
  type,
})

const order = (items: string) =>
  `{"id":"o","total":1,"customer":{"id":"c"},"items":${items},"metadata":{}}`

/** The first ones hold as many values as a body may, and are wrong in each. */
export const hostileBodies: [HostileBody, ...HostileBody[]] = [
  batch('48,000 metadata values of the wrong type', (index) => ({
    id: `p${index}`,
    title: 'x',
    metadata: Object.fromEntries(times(45, (key) => [`k${key}`, null])),
  })),
  batch('45,000 store ids of the wrong type', (index) => ({
    id: `p${index}`,
    title: 'x',
    store_ids: times(45, () => 1),
  })),
  batch('45,000 unknown stores', (index) => ({
    id: `p${index}`,
    title: 'x',
    store_ids: times(45, (store) => `s${store}`),
  })),
  post('4,000 items with 11 bad categories each', '/v1/orders', () =>
    order(`[${fill(4_000, `{"product_id":"p","categories":[${fill(8, '0')}]}`)}]`),
  ),
  post('4,000 items with 499 bad categories each', '/v1/orders', () =>
    order(`[${fill(4_000, `{"product_id":"p","categories":[${fill(499, '0')}]}`)}]`),
  ),
  post(
    '700,000 bad metadata values',
    '/v1/products',
    () =>
      `{"id":"p","title":"x","metadata":{${times(700_000, (key) => `"k${key}":[]`).join(',')}}}`,
  ),
  post(
    '49,000 bad metadata values',
    '/v1/products',
    () => `{"id":"p","title":"x","metadata":{${times(24_000, (key) => `"k${key}":[]`).join(',')}}}`,
  ),
  post(
    '800,000 unknown keys',
    '/v1/products',
    () => `{${times(800_000, (key) => `"k${key}":1`).join(',')}}`,
  ),
  post(
    '49,000 unknown keys',
    '/v1/products',
    () => `{${times(49_000, (key) => `"k${key}":1`).join(',')}}`,
  ),
  post(
    'an unknown key of 9 MB',
    '/v1/products',
    () => `{"id":"p","title":"x","${'k'.repeat(9_000_000)}":1}`,
  ),
  batch('1,000 products with 1,000 stores each', (index) => ({
    id: `p${index}`,
    title: 'x',
    store_ids: times(1_000, (store) => `s${store}`),
  })),
  post(
    '49,000 store ids that are one',
    '/v1/products',
    () => `{"id":"p","title":"x","store_ids":[${fill(49_000, '"s"')}]}`,
  ),
  batch('1,000 products that are one', () => ({ id: 'p', title: 'x' })),
  post('lists nested 5 million deep', '/v1/products', () => '['.repeat(5_000_000)),
  post(
    'objects nested 30 deep',
    '/v1/products',
    () => `{"metadata":${'{"a":'.repeat(28)}1${'}'.repeat(28)}}`,
  ),
  post('a number of 100,000 digits', '/v1/products', () =>
    JSON.stringify({ id: 'p', title: 'x' }).replace('}', `,"price":${'9'.repeat(100_000)}}`),
  ),
  post('a number of 9 MB', '/v1/products', () => '7'.repeat(9_000_000)),
  post('a title of 9 MB', '/v1/products', () =>
    JSON.stringify({ id: 'p', title: 'x'.repeat(9_000_000) }),
  ),
  post('a title of 9 MB of white space', '/v1/products', () =>
    JSON.stringify({ id: 'p', title: ' '.repeat(9_000_000) }),
  ),
  post(
    'a text of 1.5 million escapes',
    '/v1/products',
    () => `{"id":"p","title":"${'\\u0061'.repeat(1_500_000)}"}`,
  ),
  post(
    'an id of 9 MB of backslashes',
    '/v1/products',
    () => `{"id":"${'\\\\'.repeat(4_500_000)}"}`,
  ),
  post('10 MB of white space', '/v1/products', () => `${' '.repeat(9_900_000)}{}`),
  post('10 MB of commas', '/v1/products', () => ','.repeat(9_900_000)),
  file(
    'a line of a file with 800,000 keys',
    'application/x-ndjson',
    () => `\r{${times(800_000, (key) => `"k${key}":1`).join(',')}}\n`,
  ),
  file('lines of a file with 40,000 values each', 'application/x-ndjson', () =>
    `{"id":"p","title":"x","categories":[${fill(40_000, '0')}]}\n`.repeat(100),
  ),
  file('lines of a file with 20,000 keys each', 'application/x-ndjson', () =>
    `{${times(20_000, (key) => `"k${key}":1`).join(',')}}\n`.repeat(30),
  ),
  file('a row of 9 million cells', 'text/csv', () => `id,title\r${','.repeat(9_000_000)}`),
  file('a header of 9 million cells', 'text/csv', () => ','.repeat(9_000_000)),
  file('rows of 200,000 cells', 'text/csv', () => `id\n${`p${','.repeat(200_000)}\n`.repeat(40)}`),
  file('a cell of 9 million lines', 'text/csv', () => `id,title\np,"${'\n'.repeat(9_000_000)}"\n`),
  file('a cell of 4 million quotes', 'text/csv', () => `id,title\np,"${'""'.repeat(4_000_000)}"\n`),
  file('2 million blank rows', 'text/csv', () => `id,title\n${',\n'.repeat(2_000_000)}p,x\n`),
]
