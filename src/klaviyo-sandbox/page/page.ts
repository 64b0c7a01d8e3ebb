/** The sandbox's page: what Klaviyo would have recorded. */
import { createHash } from 'node:crypto'
import { Hono } from 'hono'
import { html, raw } from 'hono/html'
import type { SandboxEnv } from '../api/errors.ts'
import type { SandboxState } from '../state.ts'
import { oneEvent } from './one-event.ts'
import {
  catalogSection,
  countsSection,
  eventsSection,
  type Html,
  problemsSection,
  profilesSection,
} from './sections.ts'
import { style } from './style.ts'

const SHOWN_EVENTS = 50
const SHOWN_ROWS = 25

/** Every three seconds, unless a row is open. */
const RELOAD = `setInterval(() => { if (!document.hidden && !document.querySelector('details[open]')) location.reload() }, 3000)`

/** Pictures are those of the catalog. */
const POLICY = `default-src 'none'; style-src '${sourceHash(style)}'; script-src '${sourceHash(RELOAD)}'; img-src http: https: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

export function pageRoutes(state: SandboxState): Hono<SandboxEnv> {
  const app = new Hono<SandboxEnv>()
  app.get('/', (c) => {
    c.header('Content-Security-Policy', POLICY)
    c.header('Cache-Control', 'no-store')
    c.header('Referrer-Policy', 'no-referrer')
    const { unique_id, metric } = c.req.query()
    if (unique_id === undefined) return c.html(renderPage(state, overview(state)))
    return c.html(renderPage(state, oneEvent(state, unique_id, metric)))
  })
  return app
}

function overview({ account, settings }: SandboxState): Html {
  return html`<h1>What Klaviyo would have</h1>
<p class="notice"><b>A stand-in for Klaviyo.</b> Nothing on this page has reached Klaviyo, no e-mail is sent, and everything is lost when the sandbox stops.</p>
${countsSection(account)}
${eventsSection(account, SHOWN_EVENTS, settings.console_url)}
${problemsSection(account, SHOWN_ROWS)}
${profilesSection(account, SHOWN_ROWS)}
${catalogSection(account, SHOWN_ROWS)}
<footer>The same as JSON: /sandbox/events, /sandbox/profiles, /sandbox/catalog, /sandbox/stats.</footer>`
}

function renderPage({ settings: { console_url } }: SandboxState, content: Html) {
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>storefeed sandbox</title>
<link rel="icon" href="data:,">
<style>${raw(style)}</style>
<noscript><meta http-equiv="refresh" content="10"></noscript>
</head>
<body>
<header class="top"><b>storefeed sandbox</b>${
    console_url === null ? '' : html`<a href="${console_url}/console/deliveries">Console</a>`
  }</header>
<main>
${content}
</main>
<script>${raw(RELOAD)}</script>
</body>
</html>`
}

function sourceHash(source: string): string {
  return `sha256-${createHash('sha256').update(source).digest('base64')}`
}
