import type { FeedStatus } from './feed-data.ts'
import { bytesText, feedTitles, Size } from './feed-parts.tsx'
import { Table, Time } from './parts.tsx'

export function FileTable({ feed }: { feed: FeedStatus }) {
  return (
    <Table
      label={`Files of the ${feed.feed} feed`}
      rows={feed.files}
      columns={[
        { label: 'File', cell: ({ format }) => format.toUpperCase() },
        { label: 'Address without its key', cell: ({ url }) => <code>{url}</code> },
        {
          label: 'Size',
          cell: ({ bytes, format }) => (
            <Size
              bytes={bytes}
              limit={feed.limit_bytes}
              label={`${feedTitles[feed.feed]}, ${format}`}
            />
          ),
        },
        {
          label: 'In Klaviyo',
          cell: ({ advised_parts, format }) =>
            advised_parts === 1
              ? 'one source'
              : `${advised_parts} sources, from /feeds/${feed.feed}.1-of-${advised_parts}.${format} on`,
        },
      ]}
    />
  )
}

export function PollTable({ feed }: { feed: FeedStatus }) {
  if (feed.last_polls.length === 0)
    return <p class="soft">Nobody has polled this feed yet. Klaviyo does so every six hours.</p>
  return (
    <details class="part">
      <summary>{`Last polls (${feed.last_polls.length})`}</summary>
      <Table
        label={`Last polls of the ${feed.feed} feed`}
        rows={feed.last_polls}
        columns={[
          { label: 'When', cell: ({ at }) => <Time at={at} /> },
          { label: 'File', cell: ({ format }) => format.toUpperCase() },
          {
            label: 'Answer',
            cell: ({ status, bytes }) => {
              if (status === 304) return 'unchanged'
              return bytes > 0 ? bytesText(bytes) : 'headers only'
            },
          },
          { label: 'Took', cell: ({ milliseconds }) => `${milliseconds} ms`, end: true },
          { label: 'By', cell: ({ user_agent }) => user_agent ?? 'not said' },
        ]}
      />
    </details>
  )
}
