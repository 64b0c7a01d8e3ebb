import fc from 'fast-check'
import { expect, test } from 'vitest'
import { coalesce, coalesceByKey } from '../../src/lib/coalesce.ts'

/** Work that ends on demand: `ends[n]` ends the run n. */
function heldWork() {
  const ends: ((error?: Error) => void)[] = []
  const share = coalesce(
    () =>
      new Promise<number>((resolve, reject) => {
        const run = ends.length
        ends.push((error) => (error ? reject(error) : resolve(run)))
      }),
  )
  return { ends, share }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

test('who comes at the same time shares one run; who comes during it waits for the next, all for the same', async () => {
  const { ends, share } = heldWork()
  const early = [share(), share()]
  await settled()
  const late = [share(), share(), share()]
  await settled()
  expect(ends.length).toBe(1)
  ends[0]?.()
  expect(await Promise.all(early)).toEqual([0, 0])
  await settled()
  expect(ends.length).toBe(2)
  ends[1]?.()
  expect(await Promise.all(late)).toEqual([1, 1, 1])
})

test('a failure reaches those who shared the run, and nobody else', async () => {
  const { ends, share } = heldWork()
  const first = share()
  await settled()
  const second = share()
  ends[0]?.(new Error('broken'))
  await expect(first).rejects.toThrow('broken')
  await settled()
  ends[1]?.()
  expect(await second).toBe(1)
})

test('at most one runs at a time, and nobody gets a run begun before they came, however it falls', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.nat(5), { maxLength: 12 }),
      async (scheduler, gaps) => {
        let running = 0
        let clock = 0
        const share = coalesce(async () => {
          const begun = clock++
          expect(++running).toBe(1)
          await scheduler.schedule(Promise.resolve())
          running--
          return begun
        })
        const callers = gaps.map(async (gap) => {
          for (let turn = 0; turn < gap; turn++) await Promise.resolve()
          await scheduler.schedule(Promise.resolve())
          for (let turn = 0; turn < gap; turn++) await Promise.resolve()
          const came = clock++
          expect(await share()).toBeGreaterThan(came)
        })
        await scheduler.waitFor(Promise.all(callers))
      },
    ),
  )
})

test('of named work only who asks for the same name shares a run, and nothing is kept of a name that is done', async () => {
  const runs: string[] = []
  const share = coalesceByKey(async (name) => {
    runs.push(name)
    await settled()
    if (name === 'bad') throw new Error('bad')
    return name
  })
  expect(await Promise.all([share('a'), share('b'), share('a')])).toEqual(['a', 'b', 'a'])
  expect(runs).toEqual(['a', 'b'])
  await expect(share('bad')).rejects.toThrow('bad')
  expect(await share('a')).toBe('a')
  expect(runs).toEqual(['a', 'b', 'bad', 'a'])
})
