/** In charge of imports: what can be imported, under which rules, and how a batch of it is written. */
import { z } from 'zod'
import { productInput, productResource } from '../catalog/products.ts'
import { storeInput, storeResource } from '../catalog/stores.ts'
import { customerInput, writeCustomer } from '../customers/customers.ts'
import { visitInput, writeVisit } from '../customers/visits.ts'
import type { Database, Queryable } from '../db/connection.ts'
import { updateKinds } from '../db/schema/orders.ts'
import { AppError, type FieldError } from '../lib/errors.ts'
import { id } from '../lib/fields.ts'
import { errorMap, fieldErrors } from '../lib/validation.ts'
import { orderInput, updateInputs } from '../orders/order-input.ts'
import { writeUpdate } from '../orders/order-updates.ts'
import { writeOrder } from '../orders/orders.ts'
import { availabilityInput, writeAvailability, writeCatalog } from './catalog-imports.ts'
import {
  type ImportCounts,
  nothing,
  reasonOf,
  type WriteInputs,
  type Written,
  writeBatch,
} from './import-batch.ts'

export type ImportSettings = { currency: string; dryRun: boolean }

export type ImportBatch = {
  /** Why the draft is refused by itself; null when it joins the batch. */
  add: (given: unknown) => string | null
  size: () => number
  /** Writes what has joined; the places of those rejected count in the order of joining. */
  write: (db: Database, settings: ImportSettings) => Promise<Written>
}

export type ImportKind = {
  /** In the order in which kinds need one another. */
  name: 'stores' | 'products' | 'availability' | 'customers' | 'orders' | 'order-updates' | 'visits'
  /** Its fields are the columns of a file. */
  draft: z.ZodType
  /** What tells one draft from another, when it may take several rows of a table. */
  key: string[]
  rowsAtOnce: number
  begin: () => ImportBatch
}

const shipment = ['tracking_number', 'tracking_company', 'shipping_method'] as const
const updateDraft = z
  .strictObject({
    order_id: id,
    kind: z.enum(updateKinds, `must be one of ${updateKinds.join(', ')}`),
    ...updateInputs.fulfilled.shape,
  })
  .refine(
    (draft) => draft.kind === 'fulfilled' || shipment.every((field) => draft[field] == null),
    `only what is fulfilled has a ${shipment.join(', ')}`,
  )

export const importKinds: ImportKind[] = [
  importKind('stores', storeInput, { write: () => writeCatalog(storeResource), rowsAtOnce: 1_000 }),
  importKind('products', productInput, {
    write: () => writeCatalog(productResource),
    rowsAtOnce: 1_000,
  }),
  importKind('availability', availabilityInput, {
    write: () => writeAvailability,
    rowsAtOnce: 5_000,
  }),
  importKind('customers', customerInput, {
    write: () => oneByOne(async (tx, draft) => (await writeCustomer(tx, draft)).change),
  }),
  importKind('orders', orderInput, {
    key: ['id'],
    write: ({ currency }) =>
      oneByOne(async (tx, draft) => changeOf(await writeOrder(tx, draft, { currency }))),
  }),
  importKind('order-updates', updateDraft, {
    key: ['order_id', 'kind', 'id'],
    write: () =>
      oneByOne(async (tx, { order_id, kind, ...draft }) =>
        changeOf(await writeUpdate(tx, order_id, kind, draft)),
      ),
  }),
  importKind('visits', visitInput, {
    write: () => oneByOne(async (tx, draft) => changeOf((await writeVisit(tx, draft)).created)),
  }),
]

const changeOf = (created: boolean): keyof ImportCounts => (created ? 'created' : 'unchanged')

type Making<D> = {
  write: (settings: ImportSettings) => WriteInputs<D>
  key?: string[]
  rowsAtOnce?: number
}

function importKind<D>(
  name: ImportKind['name'],
  draft: z.ZodType<D>,
  { write, key = [], rowsAtOnce = 200 }: Making<D>,
): ImportKind {
  function begin(): ImportBatch {
    const drafts: D[] = []
    return {
      add(given) {
        const read = draft.safeParse(given, { error: errorMap })
        if (read.success) drafts.push(read.data)
        return read.success ? null : fieldErrors(read.error.issues).map(describe).join('; ')
      },
      size: () => drafts.length,
      write: (db, settings) => writeBatch(db, write(settings), drafts, settings.dryRun),
    }
  }
  return { name, draft, key, rowsAtOnce, begin }
}

const describe = ({ field, detail }: FieldError) => (field === '' ? detail : `${field} ${detail}`)

/**
 * For what is decided row by row. A refusal before anything is written costs its draft only; one that
 * Postgres had a part in ends the transaction, and the batch is tried in halves.
 */
function oneByOne<D>(
  write: (tx: Queryable, draft: D) => Promise<keyof ImportCounts>,
): WriteInputs<D> {
  return async (tx, drafts) => {
    const written: Written = { ...nothing, rejected: [] }
    for (const [place, draft] of drafts.entries()) {
      const change = await write(tx, draft).catch(refusedBecause)
      if (typeof change === 'string') written[change]++
      else written.rejected.push({ place, ...change })
    }
    return written
  }
}

function refusedBecause(error: unknown): { reason: string } {
  const reason = error instanceof AppError ? reasonOf(error) : undefined
  if (reason === undefined) throw error
  return { reason }
}
