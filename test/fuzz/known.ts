/** In charge of what one caller has learned from the answers it got: ids, cursors, ETags and keys, to be used again. */
const pathParameter = /^\{(\w+)\}$/
/** Old ones give way: most of them are gone by then. */
const keptInPool = 40

export type Known = {
  /** By the plural noun, such as `products`; `key`, and the cursors of each list, beside them. */
  pools: Map<string, string[]>
  /** By the path they were sent for. */
  etags: Map<string, string>
}

export const nothingKnown = (): Known => ({ pools: new Map(), etags: new Map() })

/** What a value named so is, given what stands around it: `store_id` and `store_ids` are of `stores`, `id` of its holder. */
export function poolOf(name: string, holder: string): string {
  if (name === 'id') return holder
  if (name === 'cursor' || name === 'next_cursor') return `cursors of ${holder}`
  const [, noun] = /^(\w+?)_ids?$/.exec(name) ?? []
  return noun === undefined ? name : `${noun}s`
}

/** What the records at a path are: `/v1/orders/{id}/refunds` holds refunds, `/v1/orders/{id}` holds orders. */
export function nounOf(path: string): string {
  const steps = path.split('/').filter((step) => step !== '' && !pathParameter.test(step))
  return steps.findLast((step) => step !== 'batch' && step !== 'retry' && step !== 'discard') ?? ''
}

/** The path's last noun before one of its parameters: of `{id}` in `/v1/orders/{id}/refunds`, orders. */
export function holderOf(path: string, parameter: string): string {
  return nounOf(path.slice(0, path.indexOf(`{${parameter}}`)))
}

/** Every other time one of the two newest, so that requests meet. */
export function pick({ pools }: Known, pool: string, place: number): string | undefined {
  const values = pools.get(pool) ?? []
  return place % 2 === 0 ? values.at(-1 - ((place / 2) % 2)) : values[place % values.length]
}

const isId = /^(id|key|next_cursor|\w+_ids?)$/

/** Everything in a JSON value that has the name of an id. */
export function learn(known: Known, value: unknown, holder: string): void {
  if (Array.isArray(value)) for (const item of value) learn(known, item, holder)
  else if (typeof value === 'object' && value !== null)
    for (const [name, held] of Object.entries(value)) learnMember(known, name, held, holder)
}

function learnMember(known: Known, name: string, held: unknown, holder: string): void {
  if (isId.test(name)) for (const id of [held].flat()) keep(known, poolOf(name, holder), id)
  else learn(known, held, name === 'customer' ? 'customers' : name)
}

function keep({ pools }: Known, pool: string, id: unknown): void {
  if (typeof id !== 'string' && typeof id !== 'number') return
  // A feed joins ids.
  if (String(id).includes(',')) return
  const values = pools.get(pool) ?? []
  if (values.includes(String(id))) return
  values.push(String(id))
  if (values.length > keptInPool) values.shift()
  pools.set(pool, values)
}
