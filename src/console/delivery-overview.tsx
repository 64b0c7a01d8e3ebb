/** How sending goes, and why messages failed. */

import type { EventCause } from '../outbox/event-schemas.ts'
import { deliveriesUrl } from './delivery-filters.ts'
import type { DeliveryState } from './delivery-state.ts'
import type { Filters } from './filters.tsx'
import { Table, Time } from './parts.tsx'

type OverviewProps = {
  state: DeliveryState
  causes: EventCause[]
  mayWrite: boolean
  given: Filters
}

export function Overview({ state, causes, mayWrite, given }: OverviewProps) {
  return (
    <div id="overview">
      {state.paused.map(({ queue, pause_reason, paused_until }) => (
        <p class="block alert" role="status">
          {`Sending ${queue} is paused: ${pause_reason}. The next try is `}
          <Time at={paused_until ?? new Date().toISOString()} />.
        </p>
      ))}
      <dl class="numbers">
        <div>
          <dt>Waiting</dt>
          <dd>{state.pending.toLocaleString('en')}</dd>
          <dd class="soft">
            {state.oldestPendingAt === null ? (
              'nothing waits'
            ) : (
              <>
                the oldest written <Time at={state.oldestPendingAt} />
              </>
            )}
          </dd>
        </div>
        <div>
          <dt>Failed</dt>
          <dd class={state.failed > 0 ? 'bad' : undefined}>{state.failed.toLocaleString('en')}</dd>
          <dd class="soft">
            {state.unsendable > 0
              ? `${state.unsendable.toLocaleString('en')} more cannot be sent yet`
              : state.failed > 0 && 'Klaviyo refused them'}
          </dd>
        </div>
        <div>
          <dt>Sent in the last hour</dt>
          <dd>{state.sentLastHour.toLocaleString('en')}</dd>
          <dd class="soft">{`${state.sentLastDay.toLocaleString('en')} in the last day`}</dd>
        </div>
        <div>
          <dt>Last sent</dt>
          <dd>{state.lastSentAt === null ? '–' : <Time at={state.lastSentAt} />}</dd>
          <dd class="soft">
            {state.lastSentAt === null ? 'nothing in the last day' : 'of events and profiles'}
          </dd>
        </div>
      </dl>
      {causes.length > 0 && (
        <section class="causes" aria-labelledby="causes">
          <h2 id="causes">Why messages failed</h2>
          <Table
            label="Why messages failed"
            rows={causes}
            columns={[
              { label: 'Messages', cell: ({ count }) => count.toLocaleString('en') },
              {
                label: 'Klaviyo’s answer',
                cell: ({ cause, detail }) => (
                  <a
                    id={`c-${cause}`}
                    href={deliveriesUrl({ status: 'failed', cause })}
                    aria-current={given.cause === cause ? 'true' : undefined}
                  >
                    {detail || 'No reason given'}
                  </a>
                ),
              },
              { label: 'Newest', cell: ({ last_at }) => <Time at={last_at} /> },
              ...(mayWrite
                ? [
                    {
                      label: 'What to do',
                      cell: ({ cause }: EventCause) => (
                        <Actions given={{ status: 'failed', cause }} />
                      ),
                    },
                  ]
                : []),
            ]}
          />
        </section>
      )}
    </div>
  )
}

/** Both lead to a page that counts first. */
export function Actions({ given }: { given: Filters }) {
  const query = new URLSearchParams(given)
  const whose = given.cause ? ' of this cause' : ' that match'
  return (
    <p class="actions">
      <a class="button" href={`/console/deliveries/retry?${query}`}>
        Retry…<span class="hidden">{` all${whose}`}</span>
      </a>
      <a class="button danger" href={`/console/deliveries/discard?${query}`}>
        Discard…<span class="hidden">{` all${whose}`}</span>
      </a>
    </p>
  )
}
