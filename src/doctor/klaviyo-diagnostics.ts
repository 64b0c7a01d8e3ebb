/** Checks the key and its account at Klaviyo; records nothing there. */
import { z } from 'zod'
import type { KlaviyoConfig } from '../config.ts'
import { createClient, describeFailure, readFromKlaviyo } from '../klaviyo/api/client.ts'
import { endpoints } from '../klaviyo/api/endpoints.ts'
import { type Diagnostic, error, ok, warning } from './diagnostic.ts'

const area = 'klaviyo'
const account = z.object({ data: z.array(z.object({ id: z.string() })).min(1) })
const metrics = z.object({
  data: z.array(z.object({ attributes: z.object({ name: z.string() }) })),
})
const newKey = 'Create a private key in Klaviyo under Settings → API keys and set KLAVIYO_API_KEY.'

export async function checkAccount(config: KlaviyoConfig): Promise<Diagnostic[]> {
  if (config.api === 'track') return [checkTrack(config)]
  if (config.apiKey === null)
    return [warning(area, 'KLAVIYO_API_KEY is not set: messages stay pending.', newKey)]
  try {
    const { status, text } = await readFromKlaviyo(config, '/api/accounts')
    if (status === 401) return [error(area, 'Klaviyo rejected the key.', newKey)]
    if (status !== 200 && status !== 403) return [unavailable(`it answered ${status}`)]
    const first = status === 200 ? account.parse(JSON.parse(text)).data[0]?.id : undefined
    const access = first ? ok(area, `The key belongs to account ${first}.`) : cannotRead('accounts')
    return [access, ...(await checkMetrics(config)), ...(await checkScopes(config))]
  } catch (cause) {
    const isInvalid = cause instanceof SyntaxError || cause instanceof z.ZodError
    return [unavailable(isInvalid ? 'its response is invalid' : describeFailure(cause))]
  }
}

const unavailable = (reason: string) =>
  error(
    area,
    `Klaviyo is unavailable: ${reason}.`,
    'Check KLAVIYO_URL and that this machine can reach it; messages are kept meanwhile.',
  )

const cannotRead = (resources: string) =>
  warning(
    area,
    `The key may not read ${resources}, so they are not checked.`,
    `Give the key the scope ${resources}:read; sending does not need it.`,
  )

function checkTrack({ publicKey }: KlaviyoConfig): Diagnostic {
  return publicKey === null
    ? warning(area, 'KLAVIYO_PUBLIC_KEY is not set: messages stay pending.', 'Set it.')
    : warning(
        area,
        'KLAVIYO_API is track, which Klaviyo retired in June 2024.',
        'Set KLAVIYO_API=events and KLAVIYO_API_KEY.',
      )
}

/** The first event of a name creates its metric: a second one of almost the same name would split the statistics. */
async function checkMetrics(config: KlaviyoConfig): Promise<Diagnostic[]> {
  const { status, text } = await readFromKlaviyo(config, '/api/metrics')
  if (status === 403) return [cannotRead('metrics')]
  if (status !== 200) return [unavailable(`GET /api/metrics answered ${status}`)]
  const names = metrics.parse(JSON.parse(text)).data.map(({ attributes }) => attributes.name)
  const ours = Object.entries(config.metricNames)
  const similar = ours.flatMap(([metric, name]): Diagnostic[] => {
    const other = names.find((one) => one !== name && normalize(one) === normalize(name))
    if (other === undefined || names.includes(name)) return []
    const message = `The account has a metric "${other}", but events would go to "${name}".`
    return [
      warning(area, message, `If it is the same, set METRIC_${metric.toUpperCase()}='${other}'.`),
    ]
  })
  const existing = ours.filter(([, name]) => names.includes(name)).length
  const summary = `${existing} of ${ours.length} metrics exist; the first event of a name creates its metric.`
  return [ok(area, summary), ...similar]
}

const normalize = (name: string) =>
  name.toLowerCase().replace('cancelled', 'canceled').replace(/\W/g, '')

/** An empty body is rejected as invalid when the key has the scope, and is never recorded. */
async function checkScopes({
  url,
  apiKey,
  rateShare: share,
}: KlaviyoConfig): Promise<Diagnostic[]> {
  const client = createClient({ url, apiKey, share, log: { warn: () => undefined } })
  const scopes = { event: 'events:write', profile: 'profiles:write' } as const
  const diagnostics: Diagnostic[] = []
  for (const endpoint of ['event', 'profile'] as const) {
    const answer = await client.post(endpoints[endpoint], '{}')
    const scope = scopes[endpoint]
    if (answer.result === 'rejected') diagnostics.push(ok(area, `The key has ${scope}.`))
    else if (answer.result === 'blocked')
      diagnostics.push(
        error(
          area,
          `The key lacks ${scope}: ${answer.reason}`,
          `Create a key with the scope ${scope}.`,
        ),
      )
    else if (answer.result === 'retry') diagnostics.push(unavailable(answer.reason))
  }
  return diagnostics
}
