/** In charge of the endpoints of products. */

import type { Database } from '../db/connection.ts'
import type { ApiContext } from '../http/endpoint.ts'
import { id } from '../lib/fields.ts'
import { booleanQuery } from '../lib/pagination.ts'
import { catalogQuery, catalogRoutes } from './catalog-routes.ts'
import { productResource } from './products.ts'

const query = catalogQuery.extend({
  store_id: id.optional().meta({ description: 'Only what this store sells' }),
  in_store_only: booleanQuery,
})

export function productRoutes(api: ApiContext, db: Database): void {
  catalogRoutes({ api, db, kind: productResource, query })
}
