/** In charge of histograms that cost next to nothing to add to: Prometheus's client checks its labels at every value. */

export type Histogram = {
  /** Where the values with these labels go; to be asked for once. */
  child: (...labels: string[]) => { observe: (value: number) => void }
  /** In Prometheus's format. */
  write: () => string
}

type HistogramOptions = { name: string; help: string; buckets: number[]; labelNames: string[] }
type Child = { labels: string; counts: number[]; sum: number }

/** Labels are words of our own: nothing in them is escaped. */
export function createHistogram({ name, help, buckets, labelNames }: HistogramOptions): Histogram {
  const children: Child[] = []
  return {
    child(...values) {
      const labels = labelNames.map((label, place) => `${label}="${values[place]}"`).join(',')
      const child: Child = { labels, counts: [...buckets, Infinity].map(() => 0), sum: 0 }
      children.push(child)
      return {
        observe(value) {
          let place = 0
          while (value > (buckets[place] ?? Infinity)) place++
          child.counts[place] = (child.counts[place] ?? 0) + 1
          child.sum += value
        },
      }
    },
    write() {
      const lines = children.flatMap((child) => linesOf(name, buckets, child))
      return [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`, ...lines, ''].join('\n')
    },
  }
}

/** Each bucket holds those before it as well. */
function linesOf(name: string, buckets: number[], { labels, counts, sum }: Child): string[] {
  let count = 0
  const lines = counts.map((ofBucket, place) => {
    count += ofBucket
    return `${name}_bucket{${labels},le="${buckets[place] ?? '+Inf'}"} ${count}`
  })
  return [...lines, `${name}_sum{${labels}} ${sum}`, `${name}_count{${labels}} ${count}`]
}
