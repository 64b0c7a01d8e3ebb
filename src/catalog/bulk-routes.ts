/** Changes of many products or stores in one request. */
import { z } from 'zod'
import type { Database } from '../db/connection.ts'
import { type ApiContext, endpoint, none } from '../http/endpoint.ts'
import { category, decimal, signedMoney } from '../lib/fields.ts'
import { changeSelected } from './bulk-change.ts'
import { patchRecords } from './catalog-patches.ts'
import type { CatalogResource, CatalogTypes } from './catalog-resource.ts'
import type { LintSettings } from './lint-rules.ts'
import {
  expectedShape,
  isOneSelection,
  maxSelected,
  oneSelection,
  selectionShape,
} from './selection.ts'

const maxPatches = 1000
const maxPercent = 10_000

const patchCounts = z
  .strictObject({
    updated: z.int(),
    unchanged: z.int(),
    etags: z.record(z.string(), z.string()).meta({ description: 'By id' }),
  })
  .meta({ id: 'PatchCounts' })

const fields = z.record(z.string(), z.unknown())
const result = z
  .strictObject({
    matched: z.int(),
    changed: z.int().meta({ description: 'Those that are not as they should be already' }),
    sample: z
      .array(
        z.strictObject({
          id: z.string(),
          title: z.string(),
          before: fields,
          after: fields.nullable(),
        }),
      )
      .meta({ description: 'The first of them: the fields that change; null after a removal' }),
  })
  .meta({ id: 'BulkResult' })

const names = z.array(category).max(100).default([])
const categoryChange = z
  .strictObject({ add: names, remove: names })
  .refine(
    ({ add, remove }) => !add.some((one) => remove.includes(one)),
    'a category cannot be added and removed',
  )
  .refine(({ add }) => new Set(add).size === add.length, 'adds a category twice')
  .meta({ id: 'CategoryChange' })

const priceChange = z
  .strictObject({
    percent: decimal(-100, maxPercent).optional(),
    amount: signedMoney.optional(),
    decimals: z.int().min(0).max(4).default(2).meta({ description: 'To which it is rounded' }),
  })
  .refine(
    ({ percent, amount }) => (percent === undefined) !== (amount === undefined),
    'give either percent or amount',
  )
  .meta({ id: 'PriceChange' })

type Given = { patch?: object | undefined; categories?: unknown; price?: unknown; remove?: unknown }

/** At least one change, no field by two of them, and a removal alone. */
function checkChange(given: Given, context: z.RefinementCtx): void {
  // An unknown field is told by itself: without it, nothing may be left.
  if (context.issues.length > 0) return
  const { patch, categories, price, remove } = given
  const say = (path: string, message: string) =>
    context.addIssue({ code: 'custom', path: path === '' ? [] : [path], message })
  const changes = [patch, categories, price].filter((one) => one !== undefined).length
  if (remove === undefined && changes === 0) say('', 'give patch, categories, price or remove')
  if (remove !== undefined && changes > 0) say('remove', 'cannot be combined with other changes')
  if (patch && Object.keys(patch).length === 0) say('patch', 'names no field')
  if (patch && 'categories' in patch && categories) say('categories', 'is in patch too')
  if (patch && 'price' in patch && price) say('price', 'is in patch too')
}

function bodyOf<T extends CatalogTypes>(resource: CatalogResource<T>) {
  const shape = {
    ...selectionShape(resource),
    patch: resource.fieldPatch.optional(),
    categories: categoryChange.optional(),
    remove: z.literal(true).optional().meta({ description: 'With the links of each' }),
    ...expectedShape,
  }
  const checked = <Shape extends z.ZodRawShape>(object: z.ZodObject<Shape>) =>
    object
      .refine(isOneSelection, oneSelection)
      .superRefine(checkChange)
      .meta({ id: `${typeNameOf(resource)}BulkChange` })
  return 'price' in resource.defaults
    ? checked(z.strictObject({ ...shape, price: priceChange.optional() }))
    : checked(z.strictObject(shape))
}

/** As OpenAPI names it: `Product`. */
const typeNameOf = ({ name }: { name: string }) => `${name.charAt(0).toUpperCase()}${name.slice(1)}`

export function bulkRoutes<T extends CatalogTypes>(
  api: ApiContext,
  db: Database,
  resource: CatalogResource<T>,
  lint: LintSettings,
): void {
  const plural = `${resource.name}s`
  const typeName = typeNameOf(resource)
  const common = { params: none, query: none, tag: plural, scope: 'write', recorded: true } as const
  endpoint(
    api,
    {
      ...common,
      method: 'patch',
      path: `/v1/${plural}`,
      operationId: `patch${typeName}s`,
      summary: `Change some fields of up to ${maxPatches} ${plural}, all or nothing`,
      body: z
        .strictObject({ [plural]: z.array(resource.taggedPatch).min(1).max(maxPatches) })
        .meta({ id: `${typeName}Patches` }),
      responses: {
        200: { description: 'How many were updated, and their ETags', schema: patchCounts },
      },
      errors: ['precondition_failed'],
    },
    async ({ body, recording }, c) =>
      c.json(await patchRecords(db.recorded(recording), resource, body[plural] ?? [])),
  )
  endpoint(
    api,
    {
      ...common,
      method: 'post',
      path: `/v1/${plural}/bulk`,
      operationId: `changeMatching${typeName}s`,
      summary: `Change or remove up to ${maxSelected} ${plural} by ids or filters, all or nothing`,
      body: bodyOf(resource),
      responses: { 200: { description: 'What was changed, or would be', schema: result } },
      errors: ['conflict'],
    },
    async ({ body: { ids, where, expected, dry_run, ...change }, recording }, c) =>
      c.json(
        await changeSelected(db.recorded(recording), resource, { ids, where }, change, {
          expected,
          dryRun: dry_run,
          lint,
        }),
      ),
  )
}
