import { expect, test } from 'vitest'
import { settleBoth } from '../../src/lib/settle-both.ts'

const later = () => new Promise((resolve) => setImmediate(resolve))

async function failLater(message: string): Promise<never> {
  await later()
  throw new Error(message)
}

test('when both fail, the error is that of the first, however late it comes', async () => {
  const other = Promise.reject(new Error('the transaction is aborted'))
  await expect(settleBoth(failLater('the cause'), other)).rejects.toThrow('the cause')
})

test('when one fails, the other is waited for', async () => {
  let isDone = false
  const slow = later().then(() => {
    isDone = true
  })
  await expect(settleBoth(Promise.reject(new Error('the cause')), slow)).rejects.toThrow()
  expect(isDone).toBe(true)
})
