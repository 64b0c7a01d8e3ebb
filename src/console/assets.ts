/** The files of the pages. Their address changes with their content, so that browsers keep them for good. */

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'

type Asset = { type: string; content: Uint8Array<ArrayBuffer> }
export type Assets = { version: string; files: Map<string, Asset> }

const scripts = [
  ...['console', 'suggest', 'send', 'toast', 'undo', 'dialog', 'form', 'groups', 'matrix'],
  ...['list', 'grid', 'cells', 'paste', 'tsv', 'select', 'bulk'],
]
/** One style sheet, in this order. */
const styles = [
  ...['base', 'top', 'lists', 'pictures', 'forms', 'matrix', 'messages', 'parts'],
  ...['bulk', 'feeds', 'deliveries', 'changes', 'import'],
]
const styleOf = (name: string) => new URL(`../../src/console/styles/${name}.css`, import.meta.url)
const javascript = 'text/javascript; charset=utf-8'

export async function loadAssets(): Promise<Assets> {
  const files = new Map<string, Asset>()
  // From the root of the package, where it is for the source and the build alike.
  const sheets = await Promise.all(styles.map((name) => readFile(styleOf(name), 'utf8')))
  files.set('console.css', asset('text/css; charset=utf-8', sheets.join('')))
  const htmx = await readFile(new URL(import.meta.resolve('htmx.org/dist/htmx.min.js')), 'utf8')
  files.set('htmx.js', asset(javascript, htmx))
  for (const name of scripts) files.set(`${name}.js`, asset(javascript, await readScript(name)))
  const hash = createHash('sha256')
  for (const [name, { content }] of files) hash.update(name).update(content)
  return { version: hash.digest('hex').slice(0, 16), files }
}

const asset = (type: string, text: string): Asset => ({
  type,
  content: new TextEncoder().encode(text),
})

/** The build compiles them; run from the source they are compiled here. */
async function readScript(name: string): Promise<string> {
  if (import.meta.url.endsWith('.js'))
    return readFile(new URL(`browser/${name}.js`, import.meta.url), 'utf8')
  const source = await readFile(new URL(`browser/${name}.ts`, import.meta.url), 'utf8')
  const { transform } = await import('esbuild')
  const { code } = await transform(source, { loader: 'ts', target: 'es2022' })
  return code.replaceAll(/((?:from|import) ".\/\w+).ts"/g, '$1.js"')
}
