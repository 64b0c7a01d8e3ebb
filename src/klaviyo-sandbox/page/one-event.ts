/** Where storefeed leads from one of its messages: the event that Klaviyo would have of it. */
import { html } from 'hono/html'
import { listEntries } from '../account/event-log.ts'
import type { SandboxState } from '../state.ts'
import { eventRow, type Html } from './sections.ts'

const SHOWN = 20

export function oneEvent(
  { account, settings }: SandboxState,
  uniqueId: string,
  metric: string | undefined,
): Html {
  const filter = { unique_id: uniqueId, metric, after: 0, limit: SHOWN }
  const entries = listEntries(account.eventLog, filter)
  const found = entries.map((entry) => eventRow(account, entry, settings.console_url, true))
  const lost = html`<p class="soft">The sandbox has no such event: it was dropped, or the sandbox was started anew since.</p>`
  return html`<p><a href="/">← All events</a></p>
<h1>${metric ?? 'Event'} <small class="soft">${uniqueId}</small></h1>
<div class="rows">${found.length > 0 ? found : lost}</div>`
}
