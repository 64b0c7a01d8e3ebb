/** Amounts as Klaviyo gets them: numbers with no more decimals than their currency has. */
import { currencyDecimals } from '../../config.ts'

const decimalsByCurrency = new Map<string, number>()

/** Rounds half away from zero. The columns hold four decimals, so the amount in ten-thousandths is a whole number and exact. */
export function money(amount: number, currency: string): number {
  const decimals = decimalsOf(currency)
  const tenThousandths = Math.round(Math.abs(amount) * 10_000)
  const rounded = Math.round(tenThousandths / 10 ** (4 - decimals)) / 10 ** decimals
  return Math.sign(amount) * rounded || 0
}

/** Exact, as {@link money} is. */
export function sumOf(amounts: readonly number[]): number {
  return amounts.reduce((sum, amount) => sum + Math.round(amount * 10_000), 0) / 10_000
}

function decimalsOf(currency: string): number {
  const decimals = decimalsByCurrency.get(currency) ?? Math.min(4, currencyDecimals(currency))
  decimalsByCurrency.set(currency, decimals)
  return decimals
}
