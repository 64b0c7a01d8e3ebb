/** What the user says of how a file becomes records. */
import type { CellFormat } from './cell-formats.ts'
import type { Condition, Preset } from './presets/preset.ts'

export type Mapping = {
  preset: Preset | undefined
  /** Column names to field names. */
  renames: ReadonlyMap<string, string>
  /** Field names to a text in which `{column}` stands for that column's value. */
  templates: ReadonlyMap<string, string>
  /** Unknown columns are skipped instead of rejected. */
  skipUnknown: boolean
  /** Rows in which all these columns are empty are skipped. */
  skipBlank: string[]
  /** Rows that do not meet all of these are skipped. */
  only: Condition[]
  /** Of rows with one id: the first is the product, or each is one, with its sku as id. Undefined: they are an error. */
  variants: 'first' | 'rows' | undefined
  /** Whether an empty cell empties the field, instead of saying nothing. */
  merge: boolean
  format: CellFormat
}

/** The first columns of a rejects file, which can be imported again. */
export const rejectColumns = ['line', 'reason'] as const

/** For a file with storefeed's own columns. */
export const plainMapping = (currency: string): Mapping => ({
  preset: undefined,
  renames: new Map(),
  templates: new Map(),
  skipUnknown: false,
  skipBlank: [],
  only: [],
  variants: undefined,
  merge: false,
  format: { currency },
})
