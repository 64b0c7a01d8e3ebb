/** What a grid asks of the API. */
import type { Filters } from './filters.tsx'

const pageSize = 50

/** As the list of the API takes them. */
export function apiFilters({ changed, sort: _, columns: __, ...filters }: Filters): Filters {
  if (changed !== 'today') return filters
  return { ...filters, updated_since: `${new Date().toISOString().slice(0, 10)}T00:00:00Z` }
}

export function gridQuery(given: Filters, cursor: string | undefined): URLSearchParams {
  const query = new URLSearchParams({ ...apiFilters(given), limit: String(pageSize) })
  query.set('count', 'true')
  query.set('etags', 'true')
  if (given.sort) query.set('sort', given.sort)
  if (cursor) query.set('cursor', cursor)
  return query
}
