import { lightspeedItems } from './lightspeed.ts'
import type { Preset } from './preset.ts'
import { shopifyOrders, shopifyProducts } from './shopify.ts'
import { squareItems } from './square.ts'
import { woocommerceProducts } from './woocommerce.ts'

export const presets: Preset[] = [
  shopifyProducts,
  shopifyOrders,
  woocommerceProducts,
  squareItems,
  lightspeedItems,
]
