/** How many things are to be done about the feeds. */
import type { Api } from './api.ts'
import { type Finding, readFeeds, readFindings } from './feed-data.ts'

/** In a large catalog that is being edited, counting takes more than a second: a number beside a link may be older. */
const keptMs = 30_000

type ToDo = { findings: Finding[]; warnings: number }

/** Kinds of findings, and feeds with warnings. */
export function createToDo() {
  let kept: { number: number; at: number } | undefined

  async function readNow(api: Api): Promise<ToDo> {
    const [findings, feeds] = await Promise.all([readFindings(api), readFeeds(api)])
    const warnings = feeds.filter((feed) => feed.warnings.length > 0).length
    kept = { number: findings.length + warnings, at: performance.now() }
    return { findings, warnings }
  }
  async function readNumber(api: Api): Promise<number> {
    if (kept && performance.now() - kept.at < keptMs) return kept.number
    const { findings, warnings } = await readNow(api)
    return findings.length + warnings
  }
  return { read: readNumber, readNow }
}
