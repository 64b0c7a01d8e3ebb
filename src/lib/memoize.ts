const maxKept = 100

/** Keeps the results of a pure function of a text: clients repeat their URLs and headers. What it throws is not kept. */
export function memoize<T>(work: (text: string) => T): (text: string) => T {
  const results = new Map<string, T>()
  return (text) => {
    const known = results.get(text)
    if (known !== undefined) return known
    const result = work(text)
    if (results.size === maxKept) results.clear()
    results.set(text, result)
    return result
  }
}
