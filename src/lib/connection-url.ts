/** Reads a connection URL that names several servers, as psql does. */

const sessionAttrs = ['any', 'read-write', 'primary'] as const
export type SessionAttrs = (typeof sessionAttrs)[number]

export const sessionAttrsError = `must have a target_session_attrs that is one of ${sessionAttrs.join(', ')}`

const unknownSessionAttrs = new RegExp(
  `[?&]target_session_attrs=(?!(${sessionAttrs.join('|')})(&|$))`,
)
export const hasKnownSessionAttrs = (url: string) => !unknownSessionAttrs.test(url)

type Servers = {
  /** One URL for each server, in the order in which they are tried. */
  urls: string[]
  /** Which of them suits. Those of psql that ask for a standby are left out: storefeed writes. */
  wanted: SessionAttrs
}

const shape = /^([^/]*\/\/(?:[^/?#]*@)?)([^/?#]*)(.*)$/s

/** `postgres://u@one:5432,two/db`, or `?host=one,two&port=5432,5433`. Throws a TypeError for what is no URL. */
export function serversOf(url: string): Servers {
  const [, start = '', authority = '', rest = ''] = shape.exec(url) ?? []
  // A user without a host is no URL, but psql and the driver take the host from the parameters.
  const missing = start.endsWith('@') ? 'localhost' : ''
  const parsed = authority.split(',').map((host) => new URL(`${start}${host || missing}${rest}`))
  const parameters = parsed.at(0)?.searchParams
  const listed = parameters?.get('host')?.split(',') ?? []
  const ports = parameters?.get('port')?.split(',') ?? []
  const wanted = sessionAttrs.find((one) => one === parameters?.get('target_session_attrs'))
  const servers = listed.length > 0 ? listed.map(() => new URL(parsed.at(0) ?? url)) : parsed
  return { urls: servers.map((server, index) => urlOf(server, index)), wanted: wanted ?? 'any' }

  function urlOf({ href }: URL, index: number): string {
    const server = new URL(href)
    server.searchParams.delete('target_session_attrs')
    const [host, port] = [listed[index], ports[index] ?? ports[0]]
    if (host !== undefined) server.searchParams.set('host', host)
    if (port !== undefined) server.searchParams.set('port', port)
    return withLibpqSslModes(server)
  }
}

/** `sslmode` as psql reads it, where `require` does not verify the certificate. */
function withLibpqSslModes(server: URL): string {
  if (server.searchParams.has('sslmode')) server.searchParams.set('uselibpqcompat', 'true')
  return server.href
}
