/** Draws the demo's products and stores, serves the drawings, and lets the catalog point to them. */
import type { OpenAPIHono } from '@hono/zod-openapi'
import { sql } from 'drizzle-orm'
import type { Queryable } from '../../../db/connection.ts'
import { textArray } from '../../../db/parameters.ts'
import { products, stores } from '../../../db/schema/catalog.ts'
import { AppError } from '../../../lib/errors.ts'
import { cookware } from './cookware.ts'
import { machines } from './machines.ts'
import { type ColorName, colors, picture } from './shapes.ts'
import { shops } from './shops.ts'
import { tools } from './tools.ts'

const shapes = { ...cookware, ...machines, ...tools }

/** By the id of the product. */
const drawn: Record<string, [keyof typeof shapes, ColorName]> = {
  1111: ['dutchOven', 'red'],
  1112: ['baster', 'blue'],
  1113: ['dutchOven', 'green'],
  1114: ['skillet', 'iron'],
  1115: ['skillet', 'iron'],
  1116: ['griddle', 'iron'],
  1117: ['skillet', 'steel'],
  1118: ['saucepan', 'copper'],
  1119: ['saucepan', 'steel'],
  1120: ['stockpot', 'steel'],
  1121: ['chefsKnife', 'iron'],
  1122: ['paringKnife', 'iron'],
  1123: ['breadKnife', 'wood'],
  1124: ['nakiri', 'plum'],
  1125: ['peeler', 'iron'],
  1126: ['whisk', 'iron'],
  1127: ['tongs', 'red'],
  1128: ['ladle', 'iron'],
  1129: ['grater', 'green'],
  1130: ['grater', 'plum'],
  1131: ['mixer', 'red'],
  1132: ['roller', 'steel'],
  1133: ['espresso', 'steel'],
  1134: ['carafe', 'wood'],
  1135: ['filters', 'cream'],
  1136: ['dripper', 'cream'],
  1137: ['sheetPan', 'steel'],
  1138: ['bundt', 'copper'],
  1139: ['loafPan', 'blue'],
  1140: ['bakingMat', 'mustard'],
  1141: ['pieDish', 'blue'],
  1142: ['tagine', 'mustard'],
  1145: ['board', 'wood'],
  1146: ['bottle', 'mustard'],
  1147: ['scale', 'red'],
  1148: ['thermometer', 'red'],
}

const folder = '/demo/pictures'

function pictureOf(kind: string, id: string): string | undefined {
  if (kind === 'stores') return shops[id] && picture(0, shops[id])
  const [shape, color] = (kind === 'products' && drawn[id]) || []
  return shape && color && picture(Number(id), shapes[shape](colors[color]))
}

export function pictureRoutes(app: OpenAPIHono): void {
  app.get(`${folder}/:kind/:file{\\d+\\.svg}`, (c) => {
    const svg = pictureOf(c.req.param('kind'), c.req.param('file').replace('.svg', ''))
    if (svg === undefined) throw new AppError('not_found', 'There is no such picture.')
    return c.body(svg, 200, {
      'Content-Type': 'image/svg+xml',
      'Cache-Control': 'public, max-age=86400',
      'Content-Security-Policy': "default-src 'none'",
      'X-Content-Type-Options': 'nosniff',
    })
  })
}

/** At the address at which this demo listens. Addresses that somebody changed stay as they are. */
export async function showPictures(db: Queryable, url: string): Promise<void> {
  for (const [table, kind, ids] of [
    [products, 'products', Object.keys(drawn)],
    [stores, 'stores', Object.keys(shops)],
  ] as const) {
    const address = sql`${`${url}${folder}/${kind}/`} || id || '.svg'`
    await db.execute(sql`
      update ${table} set image_link = ${address} where id = any(${textArray(ids)})
        and image_link ~ '^https?://(shop\\.klaviyo-demo\\.com/img|[^/]+/demo/pictures)/' and image_link <> ${address}`)
  }
}
