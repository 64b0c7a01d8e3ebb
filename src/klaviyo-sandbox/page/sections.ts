import { html } from 'hono/html'
import type { Account } from '../account/account.ts'
import type { CatalogItem, ImportReport } from '../account/catalog.ts'
import { DROP_REASONS, type Drop, type EventLogEntry } from '../account/event-log.ts'
import type { Profile } from '../account/profiles.ts'
import type { ErrorRecord } from '../api/errors.ts'
import { dropView, eventView, itemView, profileView } from '../api/resources.ts'

export type Html = ReturnType<typeof html>

export function countsSection({ counts, profiles, catalog }: Account): Html {
  const dropped = Object.values(counts.dropped).reduce((sum, count) => sum + count, 0)
  const faults = Object.values(counts.faults).reduce((sum, count) => sum + count, 0)
  const cells: [string, number][] = [
    ['events', counts.recorded],
    ['profiles', profiles.byId.size],
    ['items', catalog.items.size],
    ['requests', counts.received],
    ['dropped', dropped],
    ['rejected', counts.rejected],
    ['throttled', counts.throttled],
    ['faults', faults],
  ]
  return html`<dl class="counts">${cells.map(
    ([name, count]) => html`<div><dt>${name}</dt><dd>${count.toLocaleString('en')}</dd></div>`,
  )}</dl>`
}

export function eventsSection(account: Account, count: number, consoleUrl: string | null): Html {
  const entries = account.eventLog.entries.slice(-count).reverse()
  const empty = html`No events yet. Start storefeed with <code>KLAVIYO_URL</code> set to this address and any <code>KLAVIYO_API_KEY</code>.`
  return section(
    'Events',
    'newest first',
    empty,
    entries.map((entry) => eventRow(account, entry, consoleUrl)),
  )
}

/** `consoleUrl`: where storefeed shows the message; null when that is not known. */
export function eventRow(
  account: Account,
  entry: EventLogEntry,
  consoleUrl: string | null,
  isOpen = false,
): Html {
  const profile = account.profiles.byId.get(entry.profileId)
  const value = entry.value === null ? '' : html`<span class="good">${entry.value}</span>`
  const backfill = entry.backfill ? html`<span class="soft">backfill: triggers no flow</span>` : ''
  return details(
    html`<b>${entry.metric}</b><code>${entry.uniqueId}</code>${value}${backfill}
      <span class="end">${profile ? nameOf(profile) : ''}</span>${timestamp(entry.time)}`,
    eventView(account.eventLog, entry),
    consoleUrl === null ? '' : messageLink(consoleUrl, entry),
    isOpen,
  )
}

function messageLink(consoleUrl: string, { uniqueId, metric }: EventLogEntry): Html {
  const query = new URLSearchParams({ unique_id: uniqueId, metric })
  return html`<p class="to"><a href="${consoleUrl}/console/deliveries/of?${query.toString()}">Its message in storefeed</a></p>`
}

/** Silently dropped events and rejected requests: why an event does not show up. */
export function problemsSection({ eventLog, errors }: Account, count: number): Html {
  const rows = [
    ...eventLog.drops.slice(-count).map((drop) => ({ at: drop.receivedAt, row: dropRow(drop) })),
    ...errors.slice(-count).map((error) => ({ at: error.at, row: errorRow(error) })),
  ]
  const newest = rows.sort((one, other) => other.at.getTime() - one.at.getTime()).slice(0, count)
  return section(
    'Dropped and rejected',
    'what Klaviyo would not record',
    html`Nothing was dropped or rejected.`,
    newest.map(({ row }) => row),
  )
}

function dropRow(drop: Drop): Html {
  return details(
    html`<b>${drop.metric}</b><span class="bad">dropped</span><span>${DROP_REASONS[drop.reason]}</span>`,
    dropView(drop),
  )
}

function errorRow({ method, path, status, details: errors }: ErrorRecord): Html {
  return details(
    html`<b>${method} ${path}</b><span class="bad">${status}</span><span>${errors[0]?.detail ?? ''}</span>`,
    errors,
  )
}

export function profilesSection({ profiles }: Account, count: number): Html {
  const newest = [...profiles.byId.values()]
    .sort((one, other) => other.updatedAt.getTime() - one.updatedAt.getTime())
    .slice(0, count)
  const rows = newest.map((profile) =>
    details(
      html`<b>${nameOf(profile)}</b>
        <span class="end">${String(profile.properties.MostRecentStoreLocation ?? '')}</span>`,
      profileView(profile),
    ),
  )
  return section('Profiles', 'last changed first', html`No profiles yet.`, rows)
}

export function catalogSection({ catalog }: Account, count: number): Html {
  const empty = html`No catalog yet. To import a feed by Klaviyo's rules:
    <code>curl -X POST -H 'content-type: application/json' -d '{"url": "…/feeds/products.json"}' …/sandbox/catalog/import</code>`
  const reports = catalog.reports.slice(-5).reverse().map(reportRow)
  const items = [...catalog.items.values()].slice(0, count).map(itemRow)
  return section('Catalog', `as received, the first ${count}`, empty, [...reports, ...items])
}

function reportRow(report: ImportReport): Html {
  const result = report.error
    ? html`<span class="bad">not imported: ${report.error}</span>`
    : html`<span class="good">${report.imported} imported</span>
        <span class="${report.ignored ? 'bad' : 'soft'}">${report.ignored} ignored</span>`
  return details(
    html`<b>${report.url}</b>${result}<span class="end">${timestamp(report.at)}</span>`,
    report,
  )
}

function itemRow(item: CatalogItem): Html {
  const { title, price, image_link: image } = item.fields
  const picture =
    typeof image === 'string' && /^https?:\/\//i.test(image)
      ? html`<img src="${image}" alt="" width="36" height="36" loading="lazy">`
      : ''
  return details(
    html`${picture}<b>${String(title)}</b><code>${item.id}</code>
      <span class="end">${price === undefined ? '' : String(price)}</span>`,
    itemView(item),
  )
}

function nameOf({ identifiers, id }: Profile): string {
  return identifiers.email ?? identifiers.phone_number ?? identifiers.external_id ?? id
}

/** In UTC, to the second, as Klaviyo stores it. */
function timestamp(iso: string): Html {
  return html`<time datetime="${iso}">${iso.slice(0, 19).replace('T', ' ')}</time>`
}

function section(title: string, subtitle: string, empty: Html, rows: Html[]): Html {
  return html`<section><h2>${title} <small>${subtitle}</small></h2>
    <div class="rows">${rows.length > 0 ? rows : html`<p class="soft">${empty}</p>`}</div></section>`
}

function details(summary: Html, content: unknown, link: Html | '' = '', isOpen = false): Html {
  return html`<details${isOpen ? ' open' : ''}><summary>${summary}</summary>${link}<pre>${JSON.stringify(content, null, 2)}</pre></details>`
}
