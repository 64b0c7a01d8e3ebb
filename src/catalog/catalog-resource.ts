/** In charge of what products and stores have in common: what the catalog's functions must know of each kind. */
import { type SQL, sql } from 'drizzle-orm'
import type { PgTable } from 'drizzle-orm/pg-core'
import type { z } from 'zod'
import { timestamp } from '../db/parameters.ts'

export type CatalogFilter = {
  q?: string | undefined
  category?: string | undefined
  published?: boolean | undefined
  /** ISO 8601 with an offset. */
  updated_since?: string | undefined
}

/** What a draft of either kind has; the links it lists replace those there are. */
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
  /** Every column that a draft may set, in the order in which records show them, and what it holds when the draft does not. */
  defaults: Record<string, unknown>
}

export type CatalogResource<
  Row,
  Draft extends CatalogInput,
  Filter extends CatalogFilter,
> = CatalogTable & {
  record: z.ZodType<Row>
  input: z.ZodType<Draft>
  /** A draft whose id may be left out, because the path names it. */
  replacement: z.ZodType<Omit<Draft, 'id'> & { id?: string | undefined }>
  /** A JSON merge patch (RFC 7396): null sets a field back to its default, metadata is merged key by key. */
  patch: z.ZodType<Record<string, unknown>>
  conditions: (filter: Filter) => SQL[]
}

/** The conditions that both kinds know, on a table named `t`. */
export function catalogConditions(filter: CatalogFilter, searched: string[]): SQL[] {
  const found: SQL[] = []
  if (filter.q !== undefined) {
    const pattern = `%${filter.q.replace(/[\\%_]/g, '\\$&')}%`
    const matches = searched.map((column) => sql`t.${sql.identifier(column)} ilike ${pattern}`)
    found.push(sql`(${sql.join(matches, sql` or `)})`)
  }
  if (filter.published !== undefined) found.push(sql`t.published = ${filter.published}`)
  if (filter.updated_since !== undefined)
    found.push(sql`t.updated_at >= ${timestamp(filter.updated_since)}`)
  return found
}

export const sameCategory = (category: string) => sql`${category} = any(t.categories)`
