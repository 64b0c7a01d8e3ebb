/** In charge of not waiting for ever: for a database that takes its time, or that says nothing at all. */

/** Rejects when `work` takes longer; what it does goes on, and its own failure is then told to nobody. */
export async function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TooLate(`nothing came of it within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([work, tooLate])
  } finally {
    clearTimeout(timer)
  }
}

export class TooLate extends Error {}
