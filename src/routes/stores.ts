/** In charge of the endpoints of stores. */
import type { Database } from '../db/connect.ts'
import { id } from '../services/fields.ts'
import { storeKind } from '../services/stores.ts'
import { catalogQuery, catalogRoutes } from './catalog-routes.ts'
import type { Door } from './endpoint.ts'

const query = catalogQuery.extend({
  product_id: id.optional().meta({ description: 'Only stores that sell this product' }),
})

export function storeRoutes(door: Door, db: Database): void {
  catalogRoutes({ door, db, kind: storeKind, query })
}
