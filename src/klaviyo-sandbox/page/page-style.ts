/** In charge of how the sandbox's page looks: calm, in light and dark, from a phone up. */

export const STYLE = `
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
