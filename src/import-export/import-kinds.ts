/** What can be imported: its schema, and how a batch of it is written. */
import { z } from 'zod'
import { productInput, productMerge, productResource } from '../catalog/products.ts'
import { storeInput, storeMerge, storeResource } from '../catalog/stores.ts'
import { customerInput } from '../customers/customer-input.ts'
import { writeCustomers } from '../customers/record-customers.ts'
import { visitInput, writeVisits } from '../customers/visits.ts'
import type { Database, Queryable } from '../db/connection.ts'
import { updateKinds } from '../db/schema/orders.ts'
import { AppError, type FieldError } from '../lib/errors.ts'
import { id } from '../lib/fields.ts'
import { errorMap, fieldErrors, show } from '../lib/validation.ts'
import { orderInput, updateInputs } from '../orders/order-input.ts'
import { writeUpdates } from '../orders/order-updates.ts'
import { writeOrders } from '../orders/orders.ts'
import {
  availabilityInput,
  mergeCatalog,
  writeAvailability,
  writeCatalog,
} from './catalog-imports.ts'
import {
  type ImportCounts,
  nothingWritten,
  rejectReason,
  type WriteInputs,
  type WriteResult,
  writeBatch,
} from './import-batch.ts'
import type { KindName } from './import-schemas.ts'

export type ImportSettings = {
  currency: string
  dryRun: boolean
  /** Looks on while a batch is written. */
  observe?: <T>(write: WriteInputs<T>) => WriteInputs<T>
}

export type ImportBatch = {
  /** Why the value is invalid by itself; null when it was added to the batch. `wanted` says better what a field must be. */
  add: (value: unknown, wanted?: ReadonlyMap<string, string>) => string | null
  size: () => number
  /** Writes what was added; indexes of rejected inputs count in the order of adding. */
  write: (db: Database, settings: ImportSettings) => Promise<WriteResult>
}

export type ImportKind = {
  name: KindName
  /** Its fields are the columns of a file. */
  schema: z.ZodType
  /** Of an import that changes only the fields it names; null when the kind knows no other. */
  mergeSchema: z.ZodType | null
  /** The fields that identify a record; a file may hold each key once. */
  key: string[]
  /** Whether a record may take several rows of a table, which follow one another. */
  joinsRows: boolean
  batchSize: number
  startBatch: (merge: boolean) => ImportBatch
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
  importKind('stores', storeInput, {
    key: ['id'],
    write: () => writeCatalog(storeResource),
    merging: { schema: storeMerge, write: mergeCatalog(storeResource) },
    batchSize: 1_000,
  }),
  importKind('products', productInput, {
    key: ['id'],
    write: () => writeCatalog(productResource),
    merging: { schema: productMerge, write: mergeCatalog(productResource) },
    batchSize: 1_000,
  }),
  importKind('availability', availabilityInput, {
    write: () => writeAvailability,
    batchSize: 5_000,
  }),
  importKind('customers', customerInput, {
    key: ['id'],
    write: () => eachInput(writeCustomers),
    batchSize: 500,
  }),
  importKind('orders', orderInput, {
    key: ['id'],
    joinsRows: true,
    write: ({ currency }) => eachInput((tx, inputs) => writeOrders(tx, inputs, { currency })),
    batchSize: 500,
  }),
  importKind('order-updates', orderUpdateInput, {
    key: ['order_id', 'kind', 'id'],
    joinsRows: true,
    write: () =>
      eachInput(async (tx, inputs) => {
        const updates = inputs.map(({ order_id, kind, ...input }) => ({
          orderId: order_id,
          kind,
          input,
        }))
        const written = await writeUpdates(tx, updates, 'record')
        return written.map((created) => (created instanceof AppError ? created : changeOf(created)))
      }),
    batchSize: 500,
  }),
  importKind('visits', visitInput, {
    write: () =>
      eachInput(async (tx, inputs) =>
        (await writeVisits(tx, inputs)).map(({ created }) => changeOf(created)),
      ),
    batchSize: 500,
  }),
]

const changeOf = (created: boolean): keyof ImportCounts => (created ? 'created' : 'unchanged')

type KindOptions<T, M> = {
  write: (settings: ImportSettings) => WriteInputs<T>
  merging?: { schema: z.ZodType<M>; write: WriteInputs<M> }
  key?: string[]
  joinsRows?: boolean
  batchSize?: number
}

function importKind<T, M = never>(
  name: KindName,
  schema: z.ZodType<T>,
  { write, merging, key = [], joinsRows = false, batchSize = 200 }: KindOptions<T, M>,
): ImportKind {
  const startBatch = (merge: boolean) =>
    merge && merging ? batchOf(merging.schema, () => merging.write) : batchOf(schema, write)
  const mergeSchema = merging?.schema ?? null
  return { name, schema, mergeSchema, key, joinsRows, batchSize, startBatch }
}

function batchOf<T>(
  schema: z.ZodType<T>,
  write: (settings: ImportSettings) => WriteInputs<T>,
): ImportBatch {
  const inputs: T[] = []
  return {
    add(value, wanted) {
      const parsed = schema.safeParse(value, { error: errorMap })
      if (parsed.success) inputs.push(parsed.data)
      return parsed.success ? null : describe(fieldErrors(parsed.error.issues), value, wanted)
    },
    size: () => inputs.length,
    write(db, settings) {
      const { observe = (inner) => inner, dryRun } = settings
      return writeBatch(db, observe(write(settings)), inputs, dryRun)
    },
  }
}

/** One fault of each field, with its value. */
function describe(
  errors: FieldError[],
  value: unknown,
  wanted: ReadonlyMap<string, string> | undefined,
): string {
  const first = errors.filter(
    ({ field }, index) => errors.findIndex((other) => other.field === field) === index,
  )
  const reasons = first.map(({ field, detail }) => {
    const why = wanted?.get(field) ?? detail
    const given = valueAt(value, field)
    const isQuoted = field === '' || given === undefined || why.includes(', got ')
    return `${field} ${why}${isQuoted || typeof given === 'object' ? '' : `, got ${show(given)}`}`.trim()
  })
  return reasons.join('; ')
}

const valueAt = (value: unknown, path: string) =>
  path
    .split('.')
    .reduce<unknown>(
      (holder, name) =>
        typeof holder === 'object' && holder ? Reflect.get(holder, name) : undefined,
      value,
    )

/**
 * An input that is rejected before anything of it is written costs itself only; what Postgres rejects aborts the
 * transaction, and the batch is tried in halves.
 */
function eachInput<T>(
  write: (tx: Queryable, inputs: T[]) => Promise<(keyof ImportCounts | AppError)[]>,
): WriteInputs<T> {
  return async (tx, inputs) => {
    const result: WriteResult = { ...nothingWritten, rejected: [] }
    for (const [index, change] of (await write(tx, inputs)).entries()) {
      if (typeof change === 'string') result[change]++
      else result.rejected.push({ index, reason: reasonOf(change) })
    }
    return result
  }
}

function reasonOf(error: AppError): string {
  const reason = rejectReason(error)
  if (reason === undefined) throw error
  return reason
}
