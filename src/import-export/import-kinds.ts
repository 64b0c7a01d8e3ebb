/** What can be imported: its schema, and how a batch of it is written. */
import { z } from 'zod'
import { productInput, productResource } from '../catalog/products.ts'
import { storeInput, storeResource } from '../catalog/stores.ts'
import { customerInput } from '../customers/customer-input.ts'
import { writeCustomer } from '../customers/customers.ts'
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
  nothingWritten,
  rejectReason,
  type WriteInputs,
  type WriteResult,
  writeBatch,
} from './import-batch.ts'

export type ImportSettings = { currency: string; dryRun: boolean }

export type ImportBatch = {
  /** Why the value is invalid by itself; null when it was added to the batch. */
  add: (value: unknown) => string | null
  size: () => number
  /** Writes what was added; indexes of rejected inputs count in the order of adding. */
  write: (db: Database, settings: ImportSettings) => Promise<WriteResult>
}

export type ImportKind = {
  name: 'stores' | 'products' | 'availability' | 'customers' | 'orders' | 'order-updates' | 'visits'
  /** Its fields are the columns of a file. */
  schema: z.ZodType
  /** The fields that identify a record which may take several rows of a table. */
  key: string[]
  batchSize: number
  startBatch: () => ImportBatch
}

const shipment = ['tracking_number', 'tracking_company', 'shipping_method'] as const
const orderUpdateInput = z
  .strictObject({
    order_id: id,
    kind: z.enum(updateKinds, `must be one of ${updateKinds.join(', ')}`),
    ...updateInputs.fulfilled.shape,
  })
  .refine(
    (input) => input.kind === 'fulfilled' || shipment.every((field) => input[field] == null),
    `only a fulfilled order has ${shipment.join(', ')}`,
  )

/** In the order in which they depend on one another. */
export const importKinds: ImportKind[] = [
  importKind('stores', storeInput, { write: () => writeCatalog(storeResource), batchSize: 1_000 }),
  importKind('products', productInput, {
    write: () => writeCatalog(productResource),
    batchSize: 1_000,
  }),
  importKind('availability', availabilityInput, {
    write: () => writeAvailability,
    batchSize: 5_000,
  }),
  importKind('customers', customerInput, {
    write: () => oneByOne(writeCustomer),
  }),
  importKind('orders', orderInput, {
    key: ['id'],
    write: ({ currency }) =>
      oneByOne(async (tx, input) => changeOf(await writeOrder(tx, input, { currency }))),
  }),
  importKind('order-updates', orderUpdateInput, {
    key: ['order_id', 'kind', 'id'],
    write: () =>
      oneByOne(async (tx, { order_id, kind, ...input }) =>
        changeOf(await writeUpdate(tx, order_id, kind, input)),
      ),
  }),
  importKind('visits', visitInput, {
    write: () => oneByOne(async (tx, input) => changeOf((await writeVisit(tx, input)).created)),
  }),
]

const changeOf = (created: boolean): keyof ImportCounts => (created ? 'created' : 'unchanged')

type KindOptions<T> = {
  write: (settings: ImportSettings) => WriteInputs<T>
  key?: string[]
  batchSize?: number
}

function importKind<T>(
  name: ImportKind['name'],
  schema: z.ZodType<T>,
  { write, key = [], batchSize = 200 }: KindOptions<T>,
): ImportKind {
  function startBatch(): ImportBatch {
    const inputs: T[] = []
    return {
      add(value) {
        const parsed = schema.safeParse(value, { error: errorMap })
        if (parsed.success) inputs.push(parsed.data)
        return parsed.success ? null : fieldErrors(parsed.error.issues).map(describe).join('; ')
      },
      size: () => inputs.length,
      write: (db, settings) => writeBatch(db, write(settings), inputs, settings.dryRun),
    }
  }
  return { name, schema, key, batchSize, startBatch }
}

const describe = ({ field, detail }: FieldError) => (field === '' ? detail : `${field} ${detail}`)

/**
 * Decides input by input. An error raised before anything is written costs its input only; one that
 * Postgres reports aborts the transaction, and the batch is tried in halves.
 */
function oneByOne<T>(
  write: (tx: Queryable, input: T) => Promise<keyof ImportCounts>,
): WriteInputs<T> {
  return async (tx, inputs) => {
    const result: WriteResult = { ...nothingWritten, rejected: [] }
    for (const [index, input] of inputs.entries()) {
      const change = await write(tx, input).catch(rejectOrThrow)
      if (typeof change === 'string') result[change]++
      else result.rejected.push({ index, ...change })
    }
    return result
  }
}

function rejectOrThrow(error: unknown): { reason: string } {
  const reason = error instanceof AppError ? rejectReason(error) : undefined
  if (reason === undefined) throw error
  return { reason }
}
