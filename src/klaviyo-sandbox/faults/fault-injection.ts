/** How each injected fault is applied to a request. */
import type { Context, MiddlewareHandler, Next } from 'hono'
import type { ProfileInput } from '../account/profile-input.ts'
import { type ErrorDetail, errorResponse, type SandboxEnv, throttle } from '../api/errors.ts'
import type { Endpoint } from '../api/limits.ts'
import type { SandboxState } from '../state.ts'
import type { FaultInjector, FaultKind } from './fault-injector.ts'

const EDGE_PAGE =
  '<!DOCTYPE html><html><head><title>525: SSL handshake failed</title></head><body><h1>Error 525</h1></body></html>'

type FaultHandler = (
  c: Context<SandboxEnv>,
  next: Next,
  state: SandboxState,
  endpoint: Endpoint | null,
) => Response | Promise<Response>

const FAULT_HANDLERS: Record<FaultKind, FaultHandler> = {
  throttle: (c, _next, state, endpoint) => {
    const { wait } = state.faultInjector.faults
    if (endpoint) state.account.windows[endpoint].closedUntil = Date.now() + wait * 1_000
    return throttle(c, wait)
  },
  error: (c) =>
    errorResponse(c, 'service_unavailable', [
      { detail: 'An error injected by the sandbox.', pointer: '/data/' },
    ]),
  html: () =>
    new Response(EDGE_PAGE, {
      status: 525,
      headers: { 'content-type': 'text/html; charset=UTF-8' },
    }),
  hang: () => never(),
  cut: (c) => closeConnection(c),
  lost: async (c, next) => {
    await next()
    return closeConnection(c)
  },
}

/** Draws a fault for each request. `endpoint` is null where no rate limit applies. */
export function injectFaults(
  state: SandboxState,
  endpoint: Endpoint | null,
): MiddlewareHandler<SandboxEnv> {
  return async (c, next) => {
    const kind = state.faultInjector.draw()
    if (!kind) return next()
    const { faults } = state.account.counts
    faults[kind] = (faults[kind] ?? 0) + 1
    return FAULT_HANDLERS[kind](c, next, state, endpoint)
  }
}

/** Stands for addresses that Klaviyo finds invalid. `pointer` is that of the profile's attributes. */
export function findBadIdentifiers(
  faultInjector: FaultInjector,
  { identifiers }: ProfileInput,
  pointer: string,
): ErrorDetail[] {
  return (['email', 'phone_number'] as const)
    .filter((name) => faultInjector.isBadIdentifier(identifiers[name]))
    .map((name) => ({ detail: badItem(name), pointer: `${pointer}/${name}` }))
}

export function badItem(name: string): string {
  return `The sandbox is set to reject this ${name}.`
}

function closeConnection(c: Context<SandboxEnv>): Promise<Response> {
  const socket = c.env.incoming?.socket
  if (!socket) throw new Error('only a sandbox that listens on a port can close a connection')
  socket.destroy()
  return never()
}

function never(): Promise<Response> {
  return new Promise(() => {})
}
