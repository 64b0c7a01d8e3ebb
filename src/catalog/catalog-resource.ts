/** What products and stores have in common, and what the catalog's functions must know of each. */
import { type SQL, sql } from 'drizzle-orm'
import type { PgTable } from 'drizzle-orm/pg-core'
import { z } from 'zod'
import { timestamp } from '../db/parameters.ts'
import { instant, text } from '../lib/fields.ts'
import type { Page } from '../lib/pagination.ts'
import type { Sort } from './catalog-sort.ts'
import { findingCodes } from './finding-codes.ts'

export const catalogFilters = z.strictObject({
  q: text(255).optional().meta({ description: 'Part of the id or of a name, in any case' }),
  category: text(255).optional().meta({ description: 'The whole name of a category' }),
  published: z.boolean().optional(),
  updated_since: instant.optional().meta({ description: 'Only what was written then or later' }),
  finding: z
    .enum(findingCodes)
    .optional()
    .meta({ description: 'Only published records in which the feed report finds this' }),
})
/** How records are listed, besides which. */
export type Listing = Page & {
  sort?: Sort | undefined
  count?: boolean | undefined
  etags?: boolean | undefined
}
export type CatalogFilter = z.infer<typeof catalogFilters>

/** The linked ids it lists replace those there are. */
export type CatalogInput = {
  id: string
  store_ids?: string[] | undefined
  product_ids?: string[] | undefined
}

export type CatalogTable = {
  name: 'product' | 'store'
  table: PgTable
  links: {
    /** The record's field that names what it is linked to. */
    field: 'store_ids' | 'product_ids'
    /** The columns of product_stores, seen from this side. */
    own: 'product_id' | 'store_id'
    other: 'product_id' | 'store_id'
    otherName: 'product' | 'store'
    otherTable: PgTable
    /** Whether lists show the field too: a product is sold in a few stores, a store may sell the whole catalog. */
    listed: boolean
  }
  /** Every column that an input may set, in the order in which records show them, and what it holds when the input leaves it out. */
  defaults: Record<string, unknown>
}

export type TaggedPatch = CatalogInput &
  Record<string, unknown> & {
    /** The ETag that the record must have. */
    if_match?: string | undefined
  }

export const ifMatch = z
  .string()
  .max(200)
  .optional()
  .meta({ description: 'Write only if the record still has this ETag' })

export type CatalogTypes = { record: { id: string }; input: CatalogInput; filter: CatalogFilter }

export type CatalogResource<T extends CatalogTypes> = CatalogTable & {
  record: z.ZodType<T['record']>
  input: z.ZodType<T['input']>
  /** An input whose id may be left out, because the path names it. */
  replacement: z.ZodType<Omit<T['input'], 'id'> & { id?: string | undefined }>
  /** A JSON merge patch (RFC 7396): null sets a field back to its default, metadata is merged key by key. */
  patch: z.ZodType<Record<string, unknown>>
  /** The same without links. */
  fieldPatch: z.ZodType<Record<string, unknown>>
  /** A patch that names its record. */
  taggedPatch: z.ZodType<TaggedPatch>
  filters: z.ZodType<T['filter']>
  query: z.ZodObject & z.ZodType<T['filter'] & Listing>
  /** Of all filters but `finding`, which needs settings. */
  conditions: (filter: T['filter']) => SQL[]
}

/** The conditions that both resources know, on a table named `t`. */
export function catalogConditions(filter: CatalogFilter, searched: string[]): SQL[] {
  const conditions: SQL[] = []
  if (filter.q !== undefined) {
    const pattern = `%${filter.q.replace(/[\\%_]/g, '\\$&')}%`
    const matches = searched.map((column) => sql`t.${sql.identifier(column)} ilike ${pattern}`)
    conditions.push(sql`(${sql.join(matches, sql` or `)})`)
  }
  if (filter.published !== undefined) conditions.push(sql`t.published = ${filter.published}`)
  if (filter.updated_since !== undefined)
    conditions.push(sql`t.updated_at >= ${timestamp(filter.updated_since)}`)
  return conditions
}

export const hasCategory = (category: string) => sql`${category} = any(t.categories)`
