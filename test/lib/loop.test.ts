import { afterEach, expect, test, vi } from 'vitest'
import { startLoop } from '../../src/lib/loop.ts'

const never = 1_000_000

afterEach(() => {
  vi.useRealTimers()
})

function countingLoop(settings: { everyMs?: number; pauseMs?: number; idleRatio?: number }) {
  const at: number[] = []
  const errors: unknown[] = []
  const loop = startLoop(
    async () => {
      at.push(performance.now())
      if (at.length === 2) throw new Error('the second fails')
    },
    {
      everyMs: never,
      pauseMs: 0,
      idleRatio: 0,
      onError: (error) => errors.push(error),
      ...settings,
    },
  )
  const runs = (count: number) => expect.poll(() => at.length).toBeGreaterThanOrEqual(count)
  return { at, errors, loop, runs }
}

test('it runs at once, then at every wake-up, and goes on after a failure', async () => {
  const { at, errors, loop, runs } = countingLoop({})
  await runs(1)
  for (const count of [2, 3]) {
    // A wake-up while it rests is remembered, one while it waits wakes it.
    loop.wake()
    await runs(count)
  }
  await loop.stop()
  expect(at.length).toBe(3)
  expect(errors).toEqual([new Error('the second fails')])
})

test('it runs every so often without a wake-up', async () => {
  const { loop, runs } = countingLoop({ everyMs: 5 })
  await runs(4)
  await loop.stop()
})

test('a burst of wake-ups costs one run, and not before the pause is over', async () => {
  const { at, loop, runs } = countingLoop({ pauseMs: 50 })
  await runs(1)
  for (let call = 0; call < 100; call++) loop.wake()
  await runs(2)
  expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(49)
  await loop.stop()
  expect(at.length).toBe(2)
})

test('stop waits for the run at hand, ends every rest, and no run follows', async () => {
  let runs = 0
  let end = () => {}
  const loop = startLoop(
    () => {
      runs++
      return new Promise<void>((resolve) => {
        end = resolve
      })
    },
    { everyMs: never, pauseMs: never, idleRatio: 0, onError: () => {} },
  )
  let stopped = false
  const stopping = loop.stop().then(() => {
    stopped = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  expect(stopped).toBe(false)
  end()
  await stopping
  loop.wake()
  expect(runs).toBe(1)

  const resting = startLoop(async () => {}, {
    everyMs: never,
    pauseMs: never,
    idleRatio: 0,
    onError: () => {},
  })
  await new Promise((resolve) => setImmediate(resolve))
  await resting.stop()
})

test('the pause is so many times as long as the run, up to 20 seconds', async () => {
  vi.useFakeTimers()
  let lasts = 1000
  const begun: number[] = []
  const loop = startLoop(
    () => {
      begun.push(performance.now())
      return new Promise((resolve) => setTimeout(resolve, lasts))
    },
    { everyMs: 0, pauseMs: 0, idleRatio: 9, onError: () => {} },
  )
  await vi.advanceTimersByTimeAsync(9_000)
  lasts = 60_000
  await vi.advanceTimersByTimeAsync(91_000)
  const stopped = loop.stop()
  await vi.advanceTimersByTimeAsync(60_000)
  await stopped
  const [first = 0, second = 0, third = 0] = begun
  const seconds = [second - first, third - second].map((ms) => Math.round(ms / 1000))
  expect(seconds).toEqual([10, 80])
})
