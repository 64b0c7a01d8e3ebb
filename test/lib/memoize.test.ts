import { expect, test } from 'vitest'
import { memoize } from '../../src/lib/memoize.ts'

test('what a text gives is worked out once; an error is not kept', () => {
  const asked: string[] = []
  const read = memoize((text) => {
    asked.push(text)
    if (text === 'bad') throw new Error('bad')
    return text === 'none' ? null : text.length
  })
  expect([read('one'), read('one'), read('none'), read('none')]).toEqual([3, 3, null, null])
  expect(() => read('bad')).toThrow('bad')
  expect(() => read('bad')).toThrow('bad')
  expect(asked).toEqual(['one', 'none', 'bad', 'bad'])
})

test('texts that never come again do not pile up: a hundred are kept at most', () => {
  let works = 0
  const read = memoize((text) => {
    works++
    return text
  })
  for (let number = 0; number < 101; number++) read(`text ${number}`)
  expect(works).toBe(101)
  read('text 100')
  expect(works).toBe(101)
  read('text 0')
  expect(works).toBe(102)
})
