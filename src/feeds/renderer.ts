/**
 * Which servers render the feeds. Servers of another release or with other settings would render them otherwise: if each
 * rendered its own, they would do so in turns, for ever. The one that started last renders; the others serve what it renders.
 */
import { sql } from 'drizzle-orm'
import { type Config, currencyDecimals } from '../config.ts'
import type { Queryable } from '../db/connection.ts'
import { feedRenderer } from '../db/schema/feeds.ts'
import { limits } from '../http/limits.ts'
import { version } from '../lib/version.ts'
import type { ItemSettings } from './item-rows.ts'
import { renderKey } from './render-key.ts'

export type Renderer = {
  /** See render-key.ts. */
  renderKey: string
  /** For people: what the render key stands for. */
  version: string
} & RenderedSettings

type RenderedSettings = Pick<Config, 'currency' | 'storeProductIds'>

/** What a server of this release renders with these settings. */
export function rendererOf(
  { currency, storeProductIds }: RenderedSettings,
  pieceBytes = limits.listPieceBytes,
): Renderer & ItemSettings {
  const settings = { decimals: currencyDecimals(currency), storeProductIds, pieceBytes }
  return { ...settings, renderKey: renderKey(settings), version, currency }
}

/** After this without a sign of life, a server that renders otherwise takes over. */
const aliveSeconds = 30
const isAlive = sql`abs(extract(epoch from now() - r.seen_at)) <= ${aliveSeconds}`

/**
 * Takes over rendering, or says that this server still renders; false when others do. Only a server that starts takes
 * over from those that run. Does not wait for the disk or a standby: no harm is done if it is lost.
 */
export async function claimRendering(
  db: Queryable,
  { renderKey, version, currency, storeProductIds }: Renderer,
  { isStarting }: { isStarting: boolean },
): Promise<boolean> {
  const claimed = await db.execute(sql`
    insert into ${feedRenderer} as r (render_key, version, currency, store_product_ids, seen_at)
    select ${renderKey}, ${version}, ${currency}, ${storeProductIds}, now() from set_config('synchronous_commit', 'off', true)
    on conflict (one_row) do update set
      render_key = excluded.render_key, version = excluded.version, currency = excluded.currency,
      store_product_ids = excluded.store_product_ids, seen_at = now()
    where ${isStarting} or r.render_key = excluded.render_key or not (${isAlive})
    returning render_key`)
  return claimed.length > 0
}

/** That servers run which render otherwise, in words; empty when there are none. */
export async function readRendererProblems(db: Queryable, own: Renderer): Promise<string[]> {
  const others = await db.execute<OtherRenderer>(sql`
    select version, currency, store_product_ids as "storeProductIds" from ${feedRenderer} r where r.render_key <> ${own.renderKey} and ${isAlive}`)
  return others.map((other) => otherRenderer(own, other))
}

type OtherRenderer = Omit<Renderer, 'renderKey'>

const inWords = ({ version, currency, storeProductIds }: OtherRenderer) =>
  `storefeed ${version} with CURRENCY=${currency} and STORE_PRODUCT_IDS=${storeProductIds}`

const otherRenderer = (own: OtherRenderer, other: OtherRenderer) =>
  `The feeds are rendered by ${inWords(other)}; ${inWords(own)} would render them otherwise, and serves them as they are. Give all servers the same version and settings.`
