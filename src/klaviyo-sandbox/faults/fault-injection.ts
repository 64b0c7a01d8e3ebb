/** In charge of how each fault strikes a request. */
import type { Context, MiddlewareHandler, Next } from 'hono'
import { errorResponse, type SandboxEnv, throttle } from '../api/errors.ts'
import type { Endpoint } from '../api/limits.ts'
import type { SandboxState } from '../state.ts'
import type { FaultKind } from './fault-injector.ts'

const EDGE_PAGE =
  '<!DOCTYPE html><html><head><title>525: SSL handshake failed</title></head><body><h1>Error 525</h1></body></html>'

type Strike = (
  c: Context<SandboxEnv>,
  next: Next,
  state: SandboxState,
  endpoint: Endpoint | null,
) => Response | Promise<Response>

const STRIKES: Record<FaultKind, Strike> = {
  throttle: (c, _next, state, endpoint) => {
    const { wait } = state.dice.faults
    if (endpoint) state.account.windows[endpoint].closedUntil = Date.now() + wait * 1_000
    return throttle(c, wait)
  },
  error: (c) =>
    errorResponse(c, 'service_unavailable', [
      { detail: 'The sandbox was told to fail.', pointer: '/data/' },
    ]),
  html: () =>
    new Response(EDGE_PAGE, {
      status: 525,
      headers: { 'content-type': 'text/html; charset=UTF-8' },
    }),
  hang: () => never(),
  cut: (c) => cut(c),
  lost: async (c, next) => {
    await next()
    return cut(c)
  },
}

/** Throws the dice. `endpoint` is null where no rate limit holds. */
export function faultInjection(
  state: SandboxState,
  endpoint: Endpoint | null,
): MiddlewareHandler<SandboxEnv> {
  return async (c, next) => {
    const kind = state.dice.roll()
    if (!kind) return next()
    const { faults } = state.account.counts
    faults[kind] = (faults[kind] ?? 0) + 1
    return STRIKES[kind](c, next, state, endpoint)
  }
}

function cut(c: Context<SandboxEnv>): Promise<Response> {
  const socket = c.env.incoming?.socket
  if (!socket) throw new Error('only a sandbox that listens can cut a connection')
  socket.destroy()
  return never()
}

function never(): Promise<Response> {
  return new Promise(() => {})
}
