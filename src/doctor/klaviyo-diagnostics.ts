/** In charge of checking the key and its account at Klaviyo, without leaving a trace there. */
import { z } from 'zod'
import type { KlaviyoConfig } from '../config.ts'
import { createClient, describeFailure, readFromKlaviyo } from '../klaviyo/api/client.ts'
import { endpoints } from '../klaviyo/api/endpoints.ts'
import { type Diagnostic, ok } from './diagnostic.ts'

const area = 'klaviyo'
const account = z.object({ data: z.array(z.object({ id: z.string() })).min(1) })
const metrics = z.object({
  data: z.array(z.object({ attributes: z.object({ name: z.string() }) })),
})
const newKey = 'Make a private key in Klaviyo under Settings → API keys and set KLAVIYO_API_KEY.'

export async function checkAccount(config: KlaviyoConfig): Promise<Diagnostic[]> {
  if (config.api === 'track') return [checkTrack(config)]
  if (config.apiKey === null)
    return [
      {
        level: 'warning',
        area,
        found: 'KLAVIYO_API_KEY is not set: messages wait.',
        advice: newKey,
      },
    ]
  try {
    const { status, text } = await readFromKlaviyo(config, '/api/accounts')
    if (status === 401)
      return [{ level: 'error', area, found: 'Klaviyo does not know the key.', advice: newKey }]
    if (status !== 200 && status !== 403) return [away(`it answered ${status}`)]
    const first = status === 200 ? account.parse(JSON.parse(text)).data[0]?.id : undefined
    const known = first ? [ok(area, `The key is of account ${first}.`)] : [cannotRead('accounts')]
    return [...known, ...(await checkMetrics(config)), ...(await checkScopes(config))]
  } catch (error) {
    return [
      away(
        error instanceof SyntaxError || error instanceof z.ZodError
          ? 'its answer is not what it promises'
          : describeFailure(error),
      ),
    ]
  }
}

const away = (why: string): Diagnostic => ({
  level: 'error',
  area,
  found: `Klaviyo cannot be asked: ${why}.`,
  advice: 'Check KLAVIYO_URL and that this machine may reach it; messages are kept meanwhile.',
})

const cannotRead = (what: string): Diagnostic => ({
  level: 'warning',
  area,
  found: `The key may not read ${what}, so they are not checked.`,
  advice: `Give the key the scope ${what}:read; sending goes without.`,
})

function checkTrack({ publicKey }: KlaviyoConfig): Diagnostic {
  return publicKey === null
    ? {
        level: 'warning',
        area,
        found: 'KLAVIYO_PUBLIC_KEY is not set: messages wait.',
        advice: 'Set it.',
      }
    : {
        level: 'warning',
        area,
        found: 'KLAVIYO_API is track, which Klaviyo retired in June 2024.',
        advice: 'Set KLAVIYO_API=events and KLAVIYO_API_KEY.',
      }
}

/** A metric comes to be with its first event; one of almost the same name would part the figures. */
async function checkMetrics(config: KlaviyoConfig): Promise<Diagnostic[]> {
  const { status, text } = await readFromKlaviyo(config, '/api/metrics')
  if (status === 403) return [cannotRead('metrics')]
  if (status !== 200) return [away(`of its metrics it answered ${status}`)]
  const names = metrics.parse(JSON.parse(text)).data.map(({ attributes }) => attributes.name)
  const ours = Object.entries(config.metricNames)
  const alike = ours.flatMap(([metric, name]): Diagnostic[] => {
    const other = names.find((one) => one !== name && plain(one) === plain(name))
    if (other === undefined || names.includes(name)) return []
    const found = `The account has a metric "${other}", but events would go to "${name}".`
    return [
      {
        level: 'warning',
        area,
        found,
        advice: `Set METRIC_${metric.toUpperCase()}='${other}', if it is the same.`,
      },
    ]
  })
  const there = ours.filter(([, name]) => names.includes(name)).length
  return [
    ok(
      area,
      `${there} of ${ours.length} metrics are there; the others come with their first event.`,
    ),
    ...alike,
  ]
}

const plain = (name: string) =>
  name.toLowerCase().replace('cancelled', 'canceled').replace(/\W/g, '')

/** An empty body is refused as such by whoever may write, and recorded by nobody. */
async function checkScopes({
  url,
  apiKey,
  rateShare: share,
}: KlaviyoConfig): Promise<Diagnostic[]> {
  const client = createClient({ url, apiKey, share, log: { warn: () => undefined } })
  const wanted = { event: 'events:write', profile: 'profiles:write' } as const
  const found: Diagnostic[] = []
  for (const endpoint of ['event', 'profile'] as const) {
    const answer = await client.post(endpoints[endpoint], '{}')
    const scope = wanted[endpoint]
    if (answer.result === 'rejected') found.push(ok(area, `The key has ${scope}.`))
    else if (answer.result === 'blocked')
      found.push({
        level: 'error',
        area,
        found: `The key lacks ${scope}: ${answer.reason}`,
        advice: `Make a key with the scope ${scope}.`,
      })
    else if (answer.result === 'retry') found.push(away(answer.reason))
  }
  return found
}
