/** In charge of the sandbox's one page: what Klaviyo would hold, for a person to look at. */
import { createHash } from 'node:crypto'
import { Hono } from 'hono'
import { html, raw } from 'hono/html'
import type { SandboxEnv } from '../api/errors.ts'
import type { SandboxState } from '../state.ts'
import {
  catalogSection,
  countsSection,
  eventsSection,
  profilesSection,
  troublesSection,
} from './page-sections.ts'
import { STYLE } from './page-style.ts'

const SHOWN_EVENTS = 50
const SHOWN_ROWS = 25

/** Anew every three seconds, but not under the eyes of someone who has opened a row. */
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
<p class="notice"><b>A stand-in for Klaviyo.</b> Nothing on this page has reached Klaviyo, nobody gets a mail, and all of it is gone when the sandbox stops.</p>
${countsSection(account)}
</header>
<main>
${eventsSection(account, SHOWN_EVENTS)}
${troublesSection(account, SHOWN_ROWS)}
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
