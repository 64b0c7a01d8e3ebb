/** In charge of what a check-up finds: how bad it is, what it is, and what to do about it. */

export type Diagnostic = {
  /** With an `error`, something does not work; with a `warning`, something is lost or looks wrong. */
  level: 'ok' | 'warning' | 'error'
  /** Such as `database` or `products`. */
  area: string
  found: string
  /** Null when there is nothing to do. */
  advice: string | null
}

export const ok = (area: string, found: string): Diagnostic => ({
  level: 'ok',
  area,
  found,
  advice: null,
})
