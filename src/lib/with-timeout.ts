/** In charge of not waiting for ever: for a database that takes its time, or that says nothing at all. */

/**
 * Rejects with what `late` makes when `work` takes longer; what it does goes on, and its own failure is
 * then told to nobody.
 */
export async function withTimeout<T>(
  work: Promise<T>,
  ms: number,
  late: () => Error = () => new TimeoutError(`nothing came of it within ${ms} ms`),
): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), ms)
  })
  try {
    return await Promise.race([work, tooLate])
  } finally {
    clearTimeout(timer)
  }
}

export class TimeoutError extends Error {}
