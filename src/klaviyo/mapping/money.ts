/** Amounts as Klaviyo gets them: numbers with no more decimals than their currency has. */
import { currencyDecimals } from '../../config.ts'

const decimalsByCurrency = new Map<string, number>()

/** Rounds half up. The columns hold four decimals, so the amount in ten-thousandths is a whole number and exact. */
export function money(amount: number, currency: string): number {
  const decimals = decimalsOf(currency)
  const tenThousandths = Math.round(amount * 10_000)
  return Math.round(tenThousandths / 10 ** (4 - decimals)) / 10 ** decimals
}

function decimalsOf(currency: string): number {
  const decimals = decimalsByCurrency.get(currency) ?? Math.min(4, currencyDecimals(currency))
  decimalsByCurrency.set(currency, decimals)
  return decimals
}
