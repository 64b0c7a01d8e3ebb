import { expect, test } from 'vitest'
import { hasKnownSessionAttrs, serversOf } from '../../src/lib/connection-url.ts'

test.each([
  ['postgres://u:p@one/d', ['postgres://u:p@one/d']],
  ['postgres://u:p,q@one:6000/d?a=b', ['postgres://u:p,q@one:6000/d?a=b']],
  [
    'postgres://u:p%40@one:6000,two,[::1]:6002/d?a=b',
    [
      'postgres://u:p%40@one:6000/d?a=b',
      'postgres://u:p%40@two/d?a=b',
      'postgres://u:p%40@[::1]:6002/d?a=b',
    ],
  ],
  [
    'postgres://u@/d?host=one,two&port=1,2',
    ['postgres://u@localhost/d?host=one&port=1', 'postgres://u@localhost/d?host=two&port=2'],
  ],
  [
    'postgres://u@/d?host=one,two&port=1',
    ['postgres://u@localhost/d?host=one&port=1', 'postgres://u@localhost/d?host=two&port=1'],
  ],
])('%s names these servers', (url, urls) => {
  expect(serversOf(url)).toEqual({ urls, wanted: 'any' })
})

test('target_session_attrs is not passed on', () => {
  expect(serversOf('postgres://u@a,b/d?target_session_attrs=primary')).toEqual({
    urls: ['postgres://u@a/d', 'postgres://u@b/d'],
    wanted: 'primary',
  })
})

test.each([
  ['postgres://u@a/d', true],
  ['postgres://u@a/d?x=y&target_session_attrs=read-write', true],
  ['postgres://u@a/d?target_session_attrs=any&x=y', true],
  ['postgres://u@a/d?target_session_attrs=standby', false],
  ['postgres://u@a/d?target_session_attrs=read-writes', false],
  ['postgres://u@a/d?target_session_attrs=', false],
])('the target_session_attrs of %s are known: %s', (url, isKnown) => {
  expect(hasKnownSessionAttrs(url)).toBe(isKnown)
})
