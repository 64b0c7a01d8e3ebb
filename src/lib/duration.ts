const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** `500ms`, `3s`, `30m`, `6h`, `90d` in milliseconds; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? []
  if (unit === 'ms' || unit === 's' || unit === 'm' || unit === 'h' || unit === 'd')
    return Number(count) * unitMs[unit]
  return undefined
}
