type Work<T> = T | PromiseLike<T>

/**
 * Like Promise.all, but waits for both to settle before rejecting: a query still in flight could otherwise run after
 * ROLLBACK, outside the transaction.
 */
export async function settleBoth<A, B>(one: Work<A>, other: Work<B>): Promise<[A, B]> {
  const started = [Promise.resolve(one), Promise.resolve(other)] as const
  const result = Promise.all(started)
  await Promise.allSettled([result, ...started])
  return result
}
