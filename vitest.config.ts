/** In charge of how the tests run: every file beside all others, against one Postgres of their own; then the faults, each alone, as they load and measure. */
import { defineConfig } from 'vitest/config'

const faults = 'test/faults/**/*.test.ts'
const common = { testTimeout: 20_000, hookTimeout: 60_000 }
/** Much of what they do is to wait. */
const maxWorkers = '100%'

export default defineConfig({
  test: {
    globalSetup: 'test/global-setup.ts',
    maxWorkers,
    projects: [
      {
        test: {
          ...common,
          name: 'storefeed',
          include: ['test/**/*.test.ts'],
          exclude: [faults],
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...common,
          name: 'faults',
          include: [faults],
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
