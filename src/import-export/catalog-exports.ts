/** In charge of exporting the catalog: all of it, page by page, as it was at one moment. */
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
  /** What import takes the records for. */
  draft: unknown
  fields: string[]
  /** The kind's table, when its records have metadata. */
  catalog: CatalogTable | null
  page: (after: Fields | undefined) => SQL
}

/** Metadata's keys are told first, as a table needs them for its header. */
export type Exported = { metadataKeys: string[]; records: AsyncGenerator<Fields[]> }

const recordsAtOnce = 1_000

export const exportKinds: ExportKind[] = [
  catalogExport('products', productResource, productInput),
  catalogExport('stores', storeResource, storeInput),
  {
    name: 'availability',
    draft: availabilityInput,
    fields: ['product_id', 'store_id'],
    catalog: null,
    page: (after) => sql`
      select product_id, store_id from ${productStores}
      where (product_id, store_id) > (${after?.product_id ?? ''}, ${after?.store_id ?? ''})
      order by product_id, store_id limit ${recordsAtOnce}`,
  },
]

/** Links are left to the export of availability, so that importing products again leaves them alone. */
function catalogExport(
  name: ExportKind['name'],
  catalog: CatalogTable,
  draft: unknown,
): ExportKind {
  const fields = ['id', ...Object.keys(catalog.defaults)]
  const columns = sql.join(
    fields.map((field) => sql.identifier(field)),
    sql`, `,
  )
  const page = (after: Fields | undefined) => sql`
    select ${columns} from ${catalog.table} where id > ${after?.id ?? ''} order by id limit ${recordsAtOnce}`
  return { name, draft, fields, catalog, page }
}

/** Every page is read from one snapshot, whatever is written meanwhile. */
export function exportRecords(
  db: Database,
  kind: ExportKind,
  write: (exported: Exported) => Promise<void>,
): Promise<void> {
  return snapshot(db, async (tx) =>
    write({ metadataKeys: await metadataKeysOf(tx, kind), records: pagesOf(tx, kind) }),
  )
}

async function metadataKeysOf(tx: Queryable, { catalog }: ExportKind): Promise<string[]> {
  if (!catalog) return []
  const rows = await tx.execute<{ key: string }>(sql`
    select distinct key collate "C" as key from ${catalog.table}, jsonb_object_keys(metadata) as key order by 1`)
  return rows.map(({ key }) => key)
}

async function* pagesOf(tx: Queryable, kind: ExportKind): AsyncGenerator<Fields[]> {
  let after: Fields | undefined
  for (;;) {
    const rows = await tx.execute<{ record: Fields }>(
      sql`select row_to_json(r) as record from (${kind.page(after)}) r`,
    )
    const records = rows.map(({ record }) => record)
    if (records.length > 0) yield records
    if (records.length < recordsAtOnce) return
    after = records.at(-1)
  }
}
