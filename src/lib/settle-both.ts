/** In charge of doing two things at once that must both have ended before anything is said of either, as inside a transaction. */

type Work<T> = T | PromiseLike<T>

/**
 * As `Promise.all`, but the first failure is told only when both have ended. Were a transaction rolled
 * back while a part of it goes on, that part would write behind it, on the same connection and for good.
 */
export async function settleBoth<A, B>(one: Work<A>, other: Work<B>): Promise<[A, B]> {
  const started = [Promise.resolve(one), Promise.resolve(other)] as const
  const outcome = Promise.all(started)
  await Promise.allSettled([outcome, ...started])
  return outcome
}
