type Work<T> = T | PromiseLike<T>

/**
 * Like Promise.all, but waits for both to settle before rejecting: a query still in flight could otherwise run after
 * ROLLBACK, outside the transaction. Rejects as the first one does, if both do: of queries that are sent together, those
 * after the one that fails are rejected only because the transaction is aborted.
 */
export async function settleBoth<A, B>(one: Work<A>, other: Work<B>): Promise<[A, B]> {
  const [first, second] = await Promise.allSettled([one, other])
  if (first.status === 'rejected') throw first.reason
  if (second.status === 'rejected') throw second.reason
  return [first.value, second.value]
}
