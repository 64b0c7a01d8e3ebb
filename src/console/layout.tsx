/** What every page has: head, navigation, and a place for messages. */
import type { Context } from 'hono'
import { html } from 'hono/html'
import type { Child } from 'hono/jsx'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { ConsoleEnv } from './console-env.ts'
import { Problems, readProblems } from './problems.tsx'

type Page = { title: string; script?: string; status?: ContentfulStatusCode }

/** `count`: where the number beside it comes from, once the page is there. */
type Section = { path: string; label: string; count?: string }

const sections: Section[] = [
  { path: '/console/products', label: 'Products' },
  { path: '/console/stores', label: 'Stores' },
  { path: '/console/availability', label: 'Availability' },
  { path: '/console/feeds', label: 'Feeds' },
  { path: '/console/attention', label: 'Attention', count: '/console/feeds/to-do' },
  { path: '/console/import', label: 'Import' },
  { path: '/console/deliveries', label: 'Deliveries', count: '/console/deliveries/failed' },
  { path: '/console/changes', label: 'Changes' },
]

/** Under the name of the key. */
const more: Section[] = [
  { path: '/console/orders', label: 'Orders' },
  { path: '/console/people', label: 'People' },
  { path: '/console/keys', label: 'Keys' },
]

const htmxConfig = JSON.stringify({
  allowEval: false,
  includeIndicatorStyles: false,
  selfRequestsOnly: true,
  historyCacheSize: 0,
  // Nothing that is pressed right after content has come is lost.
  defaultSettleDelay: 0,
  scrollBehavior: 'auto',
  responseHandling: [{ code: '...', swap: true }],
})

/**
 * The page is painted once it is whole, because columns of a table move while its rows arrive, and once its scripts run,
 * because what is typed or pressed before is not heard. As text, because hono/jsx leaves out `blocking`.
 */
const paintedWhole = (assets: string, script: string) =>
  html`<link rel="expect" href="#toasts" blocking="render" />
    <script src="${assets}/htmx.js" defer blocking="render"></script>
    <script src="${assets}/${script}.js" defer blocking="render"></script>`

export async function page(
  c: Context<ConsoleEnv>,
  { title, script = 'console', status = 200 }: Page,
  body: Child,
) {
  const assets = c.get('assets')
  const problems = await readProblems(c)
  return c.html(
    html`<!doctype html>${(
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          <meta name="htmx-config" content={htmxConfig} />
          <title>{`${title} · storefeed`}</title>
          <link rel="icon" href="data:," />
          <link rel="stylesheet" href={`${assets}/console.css`} />
          {paintedWhole(assets, script)}
        </head>
        <body>
          <a class="skip" href="#main">
            Skip to the content
          </a>
          <Header c={c} />
          <Problems problems={problems} />
          <main id="main">{body}</main>
          <div id="toasts" role="status" aria-live="polite" />
        </body>
      </html>
    )}`,
    status,
  )
}

function Header({ c }: { c: Context<ConsoleEnv> }) {
  const principal = c.get('principal')
  if (!principal) return null
  return (
    <header class="top">
      <a class="brand" href="/console">
        storefeed
      </a>
      <nav aria-label="Sections">
        <SectionLinks c={c} sections={sections} />
      </nav>
      <details class="menu">
        <summary>{principal.name}</summary>
        <div>
          <nav aria-label="More sections">
            <SectionLinks c={c} sections={more} />
            <a href="/docs">REST API</a>
          </nav>
          <p class="soft">{`This key may: ${principal.scopes.join(', ')}`}</p>
          <form method="post" action="/console/sign-out">
            <button type="submit">Sign out</button>
            <button type="submit" name="everywhere" value="yes">
              Sign out everywhere
            </button>
          </form>
        </div>
      </details>
    </header>
  )
}

function SectionLinks({ c, sections }: { c: Context<ConsoleEnv>; sections: Section[] }) {
  return (
    <>
      {sections.map(({ path, label, count }) => (
        <a href={path} aria-current={c.req.path.startsWith(path) ? 'page' : undefined}>
          {label}
          {count && <span class="count" hx-get={count} hx-trigger="load" />}
        </a>
      ))}
    </>
  )
}

type EmptyProps = { title: string; children: Child }

export function Empty({ title, children }: EmptyProps) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  )
}
