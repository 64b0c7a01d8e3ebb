/** The sandbox's page: what Klaviyo would have recorded. */
import { createHash } from 'node:crypto'
import { Hono } from 'hono'
import { html, raw } from 'hono/html'
import type { SandboxEnv } from '../api/errors.ts'
import type { SandboxState } from '../state.ts'
import {
  catalogSection,
  countsSection,
  eventsSection,
  problemsSection,
  profilesSection,
} from './sections.ts'

const SHOWN_EVENTS = 50
const SHOWN_ROWS = 25

const STYLE = `
:root { color-scheme: light dark; --ink: #1d2329; --soft: #5d6873; --line: #dfe4e8; --paper: #f6f7f8;
  --card: #fff; --mark: #8a5a00; --mark-paper: #fff6e0; --good: #14713d; --bad: #a8321f }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ec; --soft: #98a3ad; --line: #2c343b;
  --paper: #14181c; --card: #1b2126; --mark: #f0c36a; --mark-paper: #2c2414; --good: #6fcf97; --bad: #f0907f } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
main, header { max-width: 68rem; margin: 0 auto; padding: 0 1rem }
header { padding-top: 1.5rem }
h1 { font-size: 1.35rem; margin: 0 0 .75rem }
h2 { font-size: 1.05rem; margin: 2rem 0 .6rem }
h2 small, .soft { color: var(--soft); font-weight: normal }
.notice { background: var(--mark-paper); color: var(--mark); border-radius: .5rem; padding: .6rem .9rem; margin: 0 }
.counts { display: grid; grid-template-columns: repeat(4, 1fr); gap: .6rem; margin: 1rem 0 0; padding: 0 }
.counts div { min-width: 0; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .5rem .75rem }
.counts dt { color: var(--soft); font-size: .8rem }
.counts dd { margin: 0; font-size: 1.3rem; font-variant-numeric: tabular-nums }
.rows { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; overflow: hidden }
.rows > * { padding: .5rem .75rem; margin: 0 }
.rows > * + * { border-top: 1px solid var(--line) }
summary { cursor: pointer; display: flex; flex-wrap: wrap; gap: .1rem .75rem; align-items: baseline; list-style: none;
  position: relative; padding-left: 1.2rem }
summary::-webkit-details-marker { display: none }
summary::before { content: '+'; color: var(--soft); position: absolute; left: 0 }
details[open] > summary::before { content: '\\2212' }
summary b { font-weight: 600; overflow-wrap: anywhere }
summary .end { color: var(--soft) }
summary time { color: var(--soft); white-space: nowrap; font-variant-numeric: tabular-nums }
pre { overflow-x: auto; background: var(--paper); border-radius: .4rem; padding: .75rem; font-size: .8rem; margin: .6rem 0 .2rem }
code { font-size: .85em; overflow-wrap: anywhere }
.good { color: var(--good) } .bad { color: var(--bad) }
@media (min-width: 45rem) { summary .end { margin-left: auto } }
@media (min-width: 64rem) { .counts { grid-template-columns: repeat(8, 1fr) } }
footer { color: var(--soft); padding: 2rem 0 3rem }
`

/** Every three seconds, unless a row is open. */
const RELOAD = `setInterval(() => { if (!document.hidden && !document.querySelector('details[open]')) location.reload() }, 3000)`

const POLICY = `default-src 'none'; style-src '${sourceHash(STYLE)}'; script-src '${sourceHash(RELOAD)}'`

export function pageRoutes(state: SandboxState): Hono<SandboxEnv> {
  const app = new Hono<SandboxEnv>()
  app.get('/', (c) => {
    c.header('Content-Security-Policy', POLICY)
    c.header('Cache-Control', 'no-store')
    return c.html(renderPage(state))
  })
  return app
}

function renderPage({ account }: SandboxState) {
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>storefeed sandbox</title>
<style>${raw(STYLE)}</style>
<noscript><meta http-equiv="refresh" content="10"></noscript>
</head>
<body>
<header>
<h1>storefeed sandbox</h1>
<p class="notice"><b>A stand-in for Klaviyo.</b> Nothing on this page has reached Klaviyo, no e-mail is sent, and everything is lost when the sandbox stops.</p>
${countsSection(account)}
</header>
<main>
${eventsSection(account, SHOWN_EVENTS)}
${problemsSection(account, SHOWN_ROWS)}
${profilesSection(account, SHOWN_ROWS)}
${catalogSection(account, SHOWN_ROWS)}
<footer>The same as JSON: /sandbox/events, /sandbox/profiles, /sandbox/catalog, /sandbox/stats.</footer>
</main>
<script>${raw(RELOAD)}</script>
</body>
</html>`
}

function sourceHash(source: string): string {
  return `sha256-${createHash('sha256').update(source).digest('base64')}`
}
