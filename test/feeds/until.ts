/** Waiting for what is to come, and no longer. */
import { setTimeout as delay } from 'node:timers/promises'

const patienceMs = 45_000

/** Asks again and again until the answer is right; throws with the last one when it never is. */
export async function until<T>(ask: () => Promise<T>, isRight: (answer: T) => boolean): Promise<T> {
  const giveUpAt = performance.now() + patienceMs
  for (;;) {
    const answer = await ask()
    if (isRight(answer)) return answer
    if (performance.now() > giveUpAt)
      throw new Error(`waited in vain; at last there was ${JSON.stringify(answer)?.slice(0, 500)}`)
    await delay(10)
  }
}
