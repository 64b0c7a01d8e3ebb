/** Exports the whole catalog, page by page, from one snapshot. */
import { type SQL, sql } from 'drizzle-orm'
import type { CatalogTable } from '../catalog/catalog-resource.ts'
import { productInput, productResource } from '../catalog/products.ts'
import { storeInput, storeResource } from '../catalog/stores.ts'
import { type Database, type Queryable, snapshot } from '../db/connection.ts'
import { productStores } from '../db/schema/catalog.ts'
import { availabilityInput } from './catalog-imports.ts'

type Fields = Record<string, unknown>

export type ExportKind = {
  name: 'products' | 'stores' | 'availability'
  /** The schema by which import reads the records. */
  schema: unknown
  fields: string[]
  /** Null when its records have no metadata. */
  resource: CatalogTable | null
  page: (after: Fields | undefined) => SQL
}

/** The metadata keys are needed before the first record, for the header of a table. */
export type CatalogExport = { metadataKeys: string[]; records: AsyncGenerator<Fields[]> }

const pageSize = 1_000

export const exportKinds: ExportKind[] = [
  catalogExport('products', productResource, productInput),
  catalogExport('stores', storeResource, storeInput),
  {
    name: 'availability',
    schema: availabilityInput,
    fields: ['product_id', 'store_id'],
    resource: null,
    page: (after) => sql`
      select product_id, store_id from ${productStores}
      where (product_id, store_id) > (${after?.product_id ?? ''}, ${after?.store_id ?? ''})
      order by product_id, store_id limit ${pageSize}`,
  },
]

/** Links are exported as availability, so that importing the products again does not change them. */
function catalogExport(
  name: ExportKind['name'],
  resource: CatalogTable,
  schema: unknown,
): ExportKind {
  const fields = ['id', ...Object.keys(resource.defaults)]
  const columns = sql.join(
    fields.map((field) => sql.identifier(field)),
    sql`, `,
  )
  const page = (after: Fields | undefined) => sql`
    select ${columns} from ${resource.table} where id > ${after?.id ?? ''} order by id limit ${pageSize}`
  return { name, schema, fields, resource, page }
}

export function exportRecords(
  db: Database,
  kind: ExportKind,
  write: (exported: CatalogExport) => Promise<void>,
): Promise<void> {
  return snapshot(db, async (tx) =>
    write({ metadataKeys: await listMetadataKeys(tx, kind), records: readPages(tx, kind) }),
  )
}

async function listMetadataKeys(tx: Queryable, { resource }: ExportKind): Promise<string[]> {
  if (!resource) return []
  const rows = await tx.execute<{ key: string }>(sql`
    select distinct key collate "C" as key from ${resource.table}, jsonb_object_keys(metadata) as key order by 1`)
  return rows.map(({ key }) => key)
}

async function* readPages(tx: Queryable, kind: ExportKind): AsyncGenerator<Fields[]> {
  let after: Fields | undefined
  for (;;) {
    const rows = await tx.execute<{ record: Fields }>(
      sql`select row_to_json(r) as record from (${kind.page(after)}) r`,
    )
    const records = rows.map(({ record }) => record)
    if (records.length > 0) yield records
    if (records.length < pageSize) return
    after = records.at(-1)
  }
}
