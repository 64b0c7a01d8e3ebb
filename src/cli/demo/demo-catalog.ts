/** The sample catalog: CSV files that the product's own import reads. */
import { fileURLToPath } from 'node:url'
import { sql } from 'drizzle-orm'
import { listRecords } from '../../catalog/catalog-reads.ts'
import { productResource } from '../../catalog/products.ts'
import type { Database } from '../../db/connection.ts'
import { importFile } from '../../import-export/import-file.ts'
import { importKinds } from '../../import-export/import-kinds.ts'
import { openInput } from '../../import-export/input-file.ts'
import { plainMapping } from '../../import-export/mapping.ts'
import { checkFile } from '../../import-export/read-records.ts'

/** From the root of the package, where they are for the source and the build alike. */
const folder = new URL('../../../src/cli/demo/', import.meta.url)

const names = ['stores', 'products', 'availability']

/** Only into an empty catalog, so that edits made in an earlier demo stay. */
export async function importDemoCatalog(db: Database, currency: string): Promise<void> {
  const { records } = await listRecords(db, productResource, sql`true`, { limit: 1 })
  if (records.length > 0) return
  for (const kind of importKinds.filter(({ name }) => names.includes(name))) {
    const input = await openInput(fileURLToPath(new URL(`${kind.name}.csv`, folder)))
    const file = await checkFile(input, kind, { mapping: plainMapping(currency) }, () => undefined)
    await importFile(file, {
      db,
      kind,
      merge: false,
      settings: { currency, dryRun: false },
      progress: () => undefined,
      async reject({ line }, reason) {
        throw new Error(`${input.name} line ${line}: ${reason}`)
      },
    })
  }
}
