/** What can be done with many records at once: each becomes one request of the REST API. */
import { count } from './count.ts'
import { readValue } from './field-values.ts'
import type { Field, Kind } from './kinds.ts'

export type Selected = { ids: string[] } | { where: object }

/** What was filled in; `all` has the values of a name that occurs several times. */
export type Given = { text: (name: string) => string; all: (name: string) => string[] }

type BulkRequest = { path: string; body: object }

export type Action = {
  /** On its button. */
  label: string
  /** Of the dialog, before `3 products`. */
  title: string
  /** On the button that applies it, and in what is told after. */
  verb: string
  done: string
  request: (kind: Kind, selected: Selected, given: Given) => BulkRequest
  /** Has no fields: it is previewed at once. */
  isPlain?: true
  warning?: (kind: Kind) => string
  /** What it counts, where these are not the records. */
  counts?: [one: string, many: string]
  kinds: Kind['name'][]
}

export const countOf = ({ counts }: Action, kind: Kind, number: number): string =>
  count(number, ...(counts ?? ([kind.name, kind.plural] as const)))

const records = ({ plural }: Kind, selected: Selected, change: object): BulkRequest => ({
  path: `/v1/${plural}/bulk`,
  body: { ...selected, ...change },
})

/** A value of these is of one record alone, or has an action of its own. */
const notOffered = new Set(['title', 'sku', 'gtin', 'categories', 'published'])

export const offeredFields = ({ groups }: Kind): Field[] =>
  groups.flatMap(({ fields }) => fields).filter(({ name }) => !notOffered.has(name))

export function chosenField(kind: Kind, given: Given): Field | undefined {
  const fields = offeredFields(kind)
  return fields.find(({ name }) => name === given.text('field')) ?? fields[0]
}

const list = (given: Given, name: string) => readValue('list', given.text(name))

export const actions: Record<string, Action> = {
  set: {
    label: 'Set a field',
    title: 'Set a field of',
    verb: 'Change',
    done: 'changed',
    kinds: ['product', 'store'],
    request(kind, selected, given) {
      const field = chosenField(kind, given)
      const value = field && readValue(field.kind, given.text(field.name))
      return records(kind, selected, { patch: field ? { [field.name]: value } : {} })
    },
  },
  categories: {
    label: 'Categories',
    title: 'Add or remove categories of',
    verb: 'Change',
    done: 'changed',
    kinds: ['product', 'store'],
    request: (kind, selected, given) =>
      records(kind, selected, {
        categories: {
          add: list(given, 'categories.add'),
          remove: list(given, 'categories.remove'),
        },
      }),
  },
  price: {
    label: 'Change prices',
    title: 'Change the prices of',
    verb: 'Change',
    done: 'changed',
    kinds: ['product'],
    request: (kind, selected, given) =>
      records(kind, selected, {
        price: {
          [given.text('by') === 'amount' ? 'amount' : 'percent']: readValue(
            'number',
            given.text('number'),
          ),
          decimals: readValue('number', given.text('decimals')),
        },
      }),
  },
  sell: {
    label: 'Sell in…',
    counts: ['place of sale', 'places of sale'],
    title: 'Sell, or stop selling,',
    verb: 'Change',
    done: 'changed',
    kinds: ['product'],
    request: (_, selected, given) => ({
      path: '/v1/availability/bulk',
      body: {
        products: selected,
        stores: given.text('all_stores') ? { where: {} } : { ids: given.all('sold_in') },
        action: given.text('action') === 'remove' ? 'remove' : 'add',
      },
    }),
  },
  show: {
    label: 'Show',
    title: 'Show',
    verb: 'Show',
    done: 'shown',
    isPlain: true,
    kinds: ['product', 'store'],
    request: (kind, selected) => records(kind, selected, { patch: { published: true } }),
  },
  hide: {
    label: 'Hide',
    title: 'Hide',
    verb: 'Hide',
    done: 'hidden',
    isPlain: true,
    warning: ({ name }) =>
      `They leave the feed. Klaviyo skips messages that name a ${name} which is not in the feed.`,
    kinds: ['product', 'store'],
    request: (kind, selected) => records(kind, selected, { patch: { published: false } }),
  },
  remove: {
    label: 'Remove',
    title: 'Remove',
    verb: 'Remove',
    done: 'removed',
    isPlain: true,
    warning: () =>
      'They leave the feed, and what is sold where is forgotten. To keep them, hide them.',
    kinds: ['product', 'store'],
    request: (kind, selected) => records(kind, selected, { remove: true }),
  },
}

/** Of the page of a store, about that store alone. */
export const copyAction: Action = {
  label: 'Sell what another store sells',
  counts: ['product', 'products'],
  title: 'Sell what another store sells in',
  verb: 'Sell',
  done: 'added',
  kinds: ['store'],
  request: (_, selected, given) => ({
    path: '/v1/availability/bulk',
    body: {
      products: { where: { store_id: given.text('source') } },
      stores: selected,
      action: 'add',
    },
  }),
}

/** The field of the dialog that a field of the API stands in. */
export function inputOf(path: string): string {
  if (path.startsWith('patch.')) return path.slice('patch.'.length)
  if (path === 'price.decimals') return 'decimals'
  if (/^price(\.|$)/.test(path)) return 'number'
  if (/^stores(\.|$)/.test(path)) return 'sold_in'
  return path === 'products.where.store_id' ? 'source' : path
}
