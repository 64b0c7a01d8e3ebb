/** What pages show of a feed. */
import type { FeedName, FeedStatus } from './feed-data.ts'
import { Tag } from './parts.tsx'

export const feedTitles: Record<FeedName, string> = {
  products: 'Products feed',
  stores: 'Stores feed',
}

const states = {
  fresh: ['good', 'Up to date'],
  waiting: ['soft', 'Being updated'],
  held: ['bad', 'Held'],
  'never built': ['soft', 'Not built yet'],
} as const

export function StateTag({ state }: Pick<FeedStatus, 'state'>) {
  const [tone, label] = states[state]
  return <Tag tone={tone}>{label}</Tag>
}

const units = [
  ['MB', 1_000_000],
  ['kB', 1_000],
] as const

export function bytesText(bytes: number): string {
  const [unit, size] = units.find(([, least]) => bytes >= least) ?? ['bytes', 1]
  const value = bytes / size
  return `${value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 1 : 0 })} ${unit}`
}

type SizeProps = { bytes: number; limit: number; label: string }

export function Size({ bytes, limit, label }: SizeProps) {
  return (
    <span class="size">
      <meter
        aria-label={`${label}: share of ${bytesText(limit)}`}
        min={0}
        max={limit}
        high={limit * 0.8}
        value={Math.min(bytes, limit)}
      />
      <span>{`${bytesText(bytes)} of ${bytesText(limit)}`}</span>
    </span>
  )
}
