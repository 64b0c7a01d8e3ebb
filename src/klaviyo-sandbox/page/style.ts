/** The look of the page: that of storefeed's console, which it shares no file with. */
export const style = `
:root { color-scheme: light dark; --ink: light-dark(#171a1f, #e8eaee); --soft: light-dark(#5a6270, #9aa3b2);
  --line: light-dark(#e4e7ec, #2a2f38); --paper: light-dark(#f8f9fb, #111418); --card: light-dark(#fff, #181c22);
  --hover: light-dark(#f3f5f8, #1f242c); --accent: light-dark(#4f46e5, #a5a1ff);
  --mark: light-dark(#735600, #ecd07e); --mark-paper: light-dark(#fff6dd, #362d14);
  --good: light-dark(#14713d, #6fcf97); --bad: light-dark(#b42318, #ff9a8f) }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 14px/1.45 system-ui, sans-serif;
  font-variant-numeric: tabular-nums }
.top { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem 1rem; padding: .6rem 1.25rem;
  background: var(--card); border-bottom: 1px solid var(--line) }
.top b { font-weight: 700; letter-spacing: -.02em }
.top a { margin-left: auto }
main { max-width: 84rem; margin: 0 auto; padding: 1.25rem }
h1 { font-size: 1.3rem; font-weight: 650; letter-spacing: -.01em; margin: 0 0 .75rem; overflow-wrap: anywhere }
h2 { font-size: .95rem; font-weight: 600; margin: 1.75rem 0 .6rem }
h2 small, .soft { color: var(--soft); font-weight: normal; font-size: inherit }
a { color: var(--accent) }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px }
.notice { background: var(--mark-paper); color: var(--mark); border-radius: .6rem; padding: .6rem 1rem; margin: 0 }
.counts { display: grid; grid-template-columns: repeat(4, 1fr); gap: 1px; margin: 1rem 0 0; overflow: hidden;
  background: var(--line); border: 1px solid var(--line); border-radius: .6rem }
.counts div { min-width: 0; background: var(--card); padding: .7rem 1rem }
.counts dt { color: var(--soft); font-size: .82rem }
.counts dd { margin: 0; font-size: 1.3rem; font-weight: 600 }
.rows { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; overflow: hidden }
.rows > * { padding: .5rem .9rem; margin: 0 }
.rows > * + * { border-top: 1px solid var(--line) }
.rows > details:hover { background: var(--hover) }
summary { cursor: pointer; display: flex; flex-wrap: wrap; gap: .1rem .75rem; align-items: center; list-style: none;
  position: relative; padding-left: 1.2rem; min-height: 1.5rem }
summary::-webkit-details-marker { display: none }
summary::before { content: '+'; color: var(--soft); position: absolute; left: 0 }
details[open] > summary::before { content: '\\2212' }
summary b { font-weight: 600; overflow-wrap: anywhere }
summary img { border-radius: .4rem; object-fit: cover; background: var(--hover) }
summary .end { color: var(--soft) }
summary time { color: var(--soft); white-space: nowrap }
.to { margin: .6rem 0 .2rem }
pre { overflow-x: auto; background: var(--paper); border-radius: .4rem; padding: .75rem; font-size: .82rem; margin: .6rem 0 .2rem }
code { font-size: .9em; overflow-wrap: anywhere }
.good { color: var(--good) } .bad { color: var(--bad) }
@media (min-width: 45rem) { summary .end { margin-left: auto } }
@media (min-width: 64rem) { .counts { grid-template-columns: repeat(8, 1fr) } }
@media (max-width: 40rem) { main { padding: 1rem .75rem } .counts { grid-template-columns: repeat(2, 1fr) } }
footer { color: var(--soft); padding: 2rem 0 3rem }
`
