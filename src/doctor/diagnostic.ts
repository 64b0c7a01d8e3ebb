export type Diagnostic = {
  /** `error`: something does not work; `warning`: something is lost or may be wrong. */
  level: 'ok' | 'warning' | 'error'
  /** Such as `database` or `products`. */
  area: string
  message: string
  /** What to do; null when there is nothing to do. */
  advice: string | null
}

export function ok(area: string, message: string): Diagnostic {
  return { level: 'ok', area, message, advice: null }
}

export function warning(area: string, message: string, advice: string | null): Diagnostic {
  return { level: 'warning', area, message, advice }
}

export function error(area: string, message: string, advice: string): Diagnostic {
  return { level: 'error', area, message, advice }
}
