/** The latest changes of a product or a store, on its page. */

import { type Change, changePage } from '../history/change-schemas.ts'
import type { Api } from './api.ts'
import { read } from './api.ts'
import { ChangesTable } from './change-parts.tsx'
import type { Kind } from './kinds.ts'

const shown = 10

export async function readHistory(api: Api, { name }: Kind, id: string): Promise<Change[]> {
  const query = new URLSearchParams({ [`${name}_id`]: id, limit: String(shown) })
  return (await read(api, `/v1/changes?${query}`, changePage)).changes
}

type RecordHistoryProps = { kind: Kind; id: string; changes: Change[]; mayWrite: boolean }

export function RecordHistory({ kind, id, changes, mayWrite }: RecordHistoryProps) {
  return (
    <section aria-labelledby="history">
      <h2 id="history">History</h2>
      {changes.length === 0 ? (
        <p class="soft">Nothing was changed here, by REST or by an import in the last 90 days.</p>
      ) : (
        <>
          <ChangesTable changes={changes} label="History" mayWrite={mayWrite} isOfRecord />
          <p>
            <a href={`/console/changes?${new URLSearchParams({ [`${kind.name}_id`]: id })}`}>
              {`All changes of this ${kind.name}`}
            </a>
          </p>
        </>
      )}
    </section>
  )
}
