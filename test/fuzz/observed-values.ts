/** Ids, cursors, ETags and keys that a client has seen in responses, to be used again. */
const pathParameter = /^\{(\w+)\}$/
/** The oldest are forgotten: most of them no longer exist. */
const poolSize = 40

export type ObservedValues = {
  /** By plural resource name, such as `products`; also `key`, and the cursors of each list. */
  pools: Map<string, string[]>
  /** By path. */
  etags: Map<string, string>
}

export const noValues = (): ObservedValues => ({ pools: new Map(), etags: new Map() })

/** The pool of a field: `store_id` and `store_ids` belong to `stores`, `id` to its parent resource. */
export function poolOf(name: string, parent: string): string {
  if (name === 'id' || name === 'ids') return parent
  if (name === 'cursor' || name === 'next_cursor') return `cursors of ${parent}`
  const [, resource] = /^(\w+?)_ids?$/.exec(name) ?? []
  return resource === undefined ? name : `${resource}s`
}

/** The resource at a path: refunds at `/v1/orders/{id}/refunds`, orders at `/v1/orders/{id}`. */
export function resourceOf(path: string): string {
  const segments = path.split('/').filter((step) => step !== '' && !pathParameter.test(step))
  const actions = ['batch', 'bulk', 'retry', 'discard', 'search', 'undo']
  return segments.findLast((step) => !actions.includes(step)) ?? ''
}

/** The resource that a path parameter identifies: orders for `{id}` of `/v1/orders/{id}/refunds`. */
export function parentResourceOf(path: string, parameter: string): string {
  return resourceOf(path.slice(0, path.indexOf(`{${parameter}}`)))
}

/** Half the time one of the two newest, so that requests collide. */
export function pick({ pools }: ObservedValues, pool: string, place: number): string | undefined {
  const values = pools.get(pool) ?? []
  return place % 2 === 0 ? values.at(-1 - ((place / 2) % 2)) : values[place % values.length]
}

const isId = /^(id|key|next_cursor|\w+_ids?)$/

/** Collects every field of a JSON value that is named like an id. */
export function collect(observed: ObservedValues, value: unknown, parent: string): void {
  if (Array.isArray(value)) for (const item of value) collect(observed, item, parent)
  else if (typeof value === 'object' && value !== null)
    for (const [name, member] of Object.entries(value))
      collectMember(observed, name, member, parent)
}

function collectMember(
  observed: ObservedValues,
  name: string,
  value: unknown,
  parent: string,
): void {
  if (isId.test(name)) for (const id of [value].flat()) add(observed, poolOf(name, parent), id)
  else collect(observed, value, name === 'customer' ? 'customers' : name)
}

function add({ pools }: ObservedValues, pool: string, id: unknown): void {
  if (typeof id !== 'string' && typeof id !== 'number') return
  // A feed joins ids with commas, so this is a list of them.
  if (String(id).includes(',')) return
  const values = pools.get(pool) ?? []
  if (values.includes(String(id))) return
  values.push(String(id))
  if (values.length > poolSize) values.shift()
  pools.set(pool, values)
}
