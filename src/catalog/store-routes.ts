/** In charge of the endpoints of stores. */
import type { Database } from '../db/connection.ts'
import type { ApiContext } from '../http/endpoint.ts'
import { id } from '../lib/fields.ts'
import { catalogQuery, catalogRoutes } from './catalog-routes.ts'
import { storeResource } from './stores.ts'

const query = catalogQuery.extend({
  product_id: id.optional().meta({ description: 'Only stores that sell this product' }),
})

export function storeRoutes(api: ApiContext, db: Database): void {
  catalogRoutes({ api, db, kind: storeResource, query })
}
