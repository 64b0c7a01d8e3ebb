import { postgresCode } from '../db/postgres-error.ts'
import { AppError } from '../lib/errors.ts'

const outOfRange = '22003'

/** Of items that are being written: what a line costs in all may be computed from the price of its product, and so is checked last. */
export async function amountsFit<T>(writing: Promise<T>): Promise<T> {
  try {
    return await writing
  } catch (error) {
    if (postgresCode(error) !== outOfRange) throw error
    throw new AppError('invalid', 'Validation failed.', [
      { field: 'items', detail: 'an item’s quantity times its price is 10,000,000,000 or more' },
    ])
  }
}
