/** In charge of work that may take too long: it is waited for so long, and no longer. */

/**
 * Rejects with what `late` makes when `work` takes longer than `ms`; what it does goes on, and its own
 * failure is then told to nobody.
 */
export async function inTime<T>(work: Promise<T>, ms: number, late: () => Error): Promise<T> {
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
