/** In charge of the endpoints of products. */
import type { Database } from '../db/connect.ts'
import { id } from '../services/fields.ts'
import { productKind } from '../services/products.ts'
import { booleanQuery, catalogQuery, catalogRoutes } from './catalog-routes.ts'
import type { Door } from './endpoint.ts'

const query = catalogQuery.extend({
  store_id: id.optional().meta({ description: 'Only what this store sells' }),
  in_store_only: booleanQuery,
})

export function productRoutes(door: Door, db: Database): void {
  catalogRoutes({ door, db, kind: productKind, query })
}
