/** How the export of another system becomes records: data that {@link ../sources.ts} applies. */

/** The column's text is one of the values, which are in lower case. */
export type Condition = { column: string; values: string[] }

export type Preset = {
  name: string
  kind: 'products' | 'orders'
  /** Where the export is found, for `--help`. */
  about: string
  /**
   * For each field the columns that may hold it, or texts with `{column}`: of those that the file has, the first that is
   * not blank counts.
   */
  fields: Record<string, string[]>
  /** What the system's words mean: field → its text in lower case → ours. */
  values?: Record<string, Record<string, string>>
  /** Fields whose cell may list several addresses: the first is taken. */
  firstAddress?: string[]
  /** Fields that are the sum of all columns whose name begins so, one for each location. */
  sums?: Record<string, string[]>
  /** A row is published if all hold; those whose column the file lacks say nothing. */
  publishedIf?: Condition[]
  /** Rows in which all these are blank hold no record, such as a further picture. */
  skipBlank?: string[]
  /** Where variants are rows with ids of their own: `first` takes the parents, `rows` the variants. */
  variantType?: { column: string; parents: string[]; variants: string[] }
}
