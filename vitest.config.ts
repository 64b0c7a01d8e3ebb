import { defineConfig } from 'vitest/config'

/** They need no Postgres: test/global-setup.ts starts none when only these run. */
const unit = [
  'test/lib/**/*.test.ts',
  'test/klaviyo-sandbox/**/*.test.ts',
  'test/klaviyo/{api,legacy-track}/**/*.test.ts',
  'test/klaviyo/mapping/contract.test.ts',
  'test/feeds/{any-text,chunk-groups,feed-status,gzip-member,render-key,slots}.test.ts',
  'test/{config,docs}.test.ts',
]
/** The console in a browser, which knows the server by HTTP alone. */
const pages = ['test/console/**/*.test.ts']
const stress = ['test/fuzz/**/*.test.ts', 'test/**/*-stress.test.ts']
/** One file at a time and after all others: they load the machine and measure. */
const faults = ['test/faults/**/*.test.ts']

/** On a busy machine what takes milliseconds can take seconds; only a test that fails waits this long. */
const common = { testTimeout: 120_000, hookTimeout: 120_000, expect: { poll: { timeout: 30_000 } } }
const parallel = { groupOrder: 0 }

export default defineConfig({
  test: {
    globalSetup: 'test/global-setup.ts',
    // Most of the tests' time is waiting.
    maxWorkers: '100%',
    projects: [
      { test: { ...common, name: 'unit', include: unit, sequence: parallel } },
      {
        test: {
          ...common,
          name: 'integration',
          include: ['test/**/*.test.ts'],
          exclude: [...unit, ...pages, ...stress, ...faults],
          sequence: parallel,
        },
      },
      { test: { ...common, name: 'pages', include: pages, sequence: parallel } },
      { test: { ...common, name: 'stress', include: stress, sequence: parallel } },
      {
        test: {
          ...common,
          name: 'faults',
          include: faults,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
