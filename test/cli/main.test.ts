import { expect, test } from 'vitest'
import { version } from '../../src/lib/version.ts'
import { run } from './command-line.ts'

test('help lists every command with what it does', async () => {
  const { code, stdout } = await run(['--help'])
  expect(code).toBe(0)
  for (const command of ['serve', 'demo', 'migrate', 'rebuild', 'keys'])
    expect(stdout).toMatch(new RegExp(`^  ${command} +[A-Z]`, 'm'))
  expect(stdout).toContain('Settings are environment variables')
})

test('the version is that of the package', async () => {
  expect((await run(['--version'])).stdout).toBe(`${version}\n`)
})

test.each([
  [['serv'], "error: unknown command 'serv'\n(Did you mean serve?)"],
  [['migrat'], "error: unknown command 'migrat'\n(Did you mean migrate?)"],
  [['keys', 'crate'], "error: unknown command 'crate'\n(Did you mean create?)"],
  [['--hlep'], "error: unknown option '--hlep'\n(Did you mean --help?)"],
  [
    ['keys', 'create', 'x', '--scop', 'read'],
    "error: unknown option '--scop'\n(Did you mean --scope?)",
  ],
])('storefeed %j is answered with the nearest match', async (args, message) => {
  const { code, stdout, stderr } = await run(args)
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toBe(`${message}\n(run storefeed --help for a list of commands)\n`)
})

test('all invalid settings are reported at once', async () => {
  const settings = { PORT: 'http', LOG_LEVEL: 'loud', DATABASE_URL: 'mysql://u:sekret@h/x' }
  const { code, stderr } = await run(['migrate'], settings)
  expect(code).toBe(1)
  expect(stderr.split('\n')).toEqual([
    'Invalid settings:',
    '  PORT must be a whole number from 0 to 65535',
    '  DATABASE_URL must begin with postgres://',
    '  LOG_LEVEL must be one of fatal, error, warn, info, debug, trace, silent',
    '',
  ])
})

test.each([
  ['127.0.0.1:1', 'connect ECONNREFUSED 127.0.0.1:1'],
  [
    '127.0.0.1:1,127.0.0.1:2',
    'no server can be used: connect ECONNREFUSED 127.0.0.1:1; connect ECONNREFUSED 127.0.0.1:2',
  ],
])(
  'databases at %s that do not answer are waited for, and reported without the password',
  async (hosts, reason) => {
    const { code, stdout, stderr } = await run(['migrate'], {
      DATABASE_URL: `postgres://u:sekret@${hosts}/x`,
    })
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr.trimEnd().split('\n')).toEqual([
      'The database does not answer. Waiting for it.',
      `storefeed failed: ${reason}`,
    ])
  },
)

test('a target_session_attrs that is not known is reported in words', async () => {
  const { code, stderr } = await run(['migrate'], {
    DATABASE_URL: 'postgres://u:sekret@a,b/x?target_session_attrs=standby',
  })
  expect(code).toBe(1)
  expect(stderr).toContain(
    'DATABASE_URL must have a target_session_attrs that is one of any, read-write, primary',
  )
  expect(stderr).not.toContain('sekret')
})

test.each([
  [
    'postgres://u:sekret@127.0.0.1:99999/x',
    /^DATABASE_URL is not a valid URL\. It looks like postgres:/,
  ],
  ['postgres://u:sek ret/@host:5432/x', /^DATABASE_URL is not a valid URL\./],
])('the DATABASE_URL %s is reported in one line, without the password', async (url, message) => {
  const { code, stdout, stderr } = await run(['migrate'], { DATABASE_URL: url })
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr.trimEnd()).toMatch(message)
  expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  expect(stderr).not.toMatch(/sek/)
})
