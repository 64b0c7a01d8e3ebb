/** What /docs proposes to send: on an empty server, from top to bottom of the page, each succeeds. */

const product = {
  id: '1111',
  title: 'Steel ladle',
  sku: 'LADLE-1',
  description: 'Holds 100 ml',
  price: 330,
  categories: ['Kitchen'],
  inventory_quantity: 12,
}
const store = {
  id: '1212',
  title: 'Boston, Newbury Street',
  location: 'Boston',
  address1: '101 Newbury St',
  city: 'Boston',
  region: 'MA',
  zip: '02116',
  country: 'United States',
  phone: '+16175550112',
}
const customer = {
  email: 'ann@example.com',
  phone_number: '+16175550199',
  first_name: 'Ann',
  last_name: 'Lee',
}
const order = {
  id: '1234',
  store_id: store.id,
  currency: 'USD',
  total: 660,
  customer: { id: 'c1', ...customer },
  items: [{ product_id: product.id, quantity: 2, item_price: 330 }],
}

/** Without its id, which is in the path. */
const replacement = <T extends { id: string }>({ id: _, ...rest }: T) => rest

/** By operation id. */
export const bodyExamples: Record<string, object> = {
  createProduct: product,
  saveProduct: replacement(product),
  patchProduct: { price: 299.95 },
  saveProductBatch: { products: [product, { id: '1112', title: 'Soup bowl', price: 19.9 }] },
  patchProducts: { products: [{ id: product.id, price: 310 }] },
  changeMatchingProducts: {
    where: { category: 'Kitchen' },
    price: { percent: -10 },
    dry_run: true,
  },
  createStore: store,
  saveStore: replacement(store),
  patchStore: { phone: '+16175550113' },
  saveStoreBatch: { stores: [store, { id: '1213', title: 'Salem', city: 'Salem' }] },
  patchStores: { stores: [{ id: store.id, phone: '+16175550114' }] },
  changeMatchingStores: { where: { region: 'MA' }, categories: { add: ['New England'] } },
  changeAvailability: { add: [{ product_id: product.id, store_id: store.id }], remove: [] },
  undoChange: { dry_run: true },
  changeMatchingAvailability: {
    products: { where: { category: 'Kitchen' } },
    stores: { where: { region: 'MA' } },
    action: 'add',
  },
  saveCustomer: customer,
  patchCustomer: { phone_number: null },
  recordOrder: order,
  saveOrder: order,
  recordFulfillment: { id: 'f1', items: [{ line: 1, quantity: 2 }], tracking_number: '1Z999' },
  recordCancellation: { id: 'x1', reason: 'Ordered twice', items: [{ line: 1, quantity: 1 }] },
  recordRefund: { id: 'r1', reason: 'Damaged', value: 30, items: [{ line: 1, quantity: 1 }] },
  recordVisit: { customer: { id: 'c1' }, store_id: store.id },
  searchCustomers: { email: customer.email },
  retryFailedEvents: { status: 'failed', metric: 'placed_order', dry_run: true },
  discardEvents: { status: 'failed', order_id: order.id, dry_run: true },
  createKey: { name: 'Klaviyo', scopes: ['feeds'] },
}

/** Of a body that is a file: by operation id and media type. */
export const fileExamples: Record<string, Record<string, string>> = {
  createImport: {
    'text/csv': 'id,title,price\n1111,Steel ladle,330\n1112,Soup bowl,19.9\n',
    'application/x-ndjson': '{"id":"1111","title":"Steel ladle","price":330}\n',
  },
}

const ids: Record<string, string> = {
  products: product.id,
  stores: store.id,
  customers: 'c1',
  orders: order.id,
  feeds: product.id,
  product_id: product.id,
  store_id: store.id,
}

/** Of a path parameter: `id` stands for the resource at the start of the path. */
export const parameterExample = (path: string, name: string): string | undefined =>
  ids[name === 'id' ? (path.split('/')[2] ?? '') : name]
