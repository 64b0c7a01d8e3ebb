/** The files of the pages. Their address changes with their content, so that browsers keep them for good. */

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'

type Asset = { type: string; content: Uint8Array<ArrayBuffer> }
export type Assets = { version: string; files: Map<string, Asset> }

/** A page loads one script, which has all it needs: modules that import one another arrive one after another. */
const scripts = ['console', 'form', 'list', 'matrix']
const javascript = 'text/javascript; charset=utf-8'
const css = 'text/css; charset=utf-8'

export async function loadAssets(): Promise<Assets> {
  const htmx = await readFile(new URL(import.meta.resolve('htmx.org/dist/htmx.min.js')))
  const files = new Map([['htmx.js', asset('htmx.js', htmx)]])
  const isBuilt = import.meta.url.endsWith('.js')
  for (const [name, content] of await (isBuilt ? readBuilt() : bundleAssets()))
    files.set(name, asset(name, content))
  const hash = createHash('sha256')
  for (const [name, { content }] of files) hash.update(name).update(content)
  return { version: hash.digest('hex').slice(0, 16), files }
}

const asset = (name: string, content: Uint8Array): Asset => ({
  type: name.endsWith('.css') ? css : javascript,
  content: new Uint8Array(content),
})

type File = [name: string, content: Uint8Array]

function readBuilt(): Promise<File[]> {
  const names = ['console.css', ...scripts.map((name) => `${name}.js`)]
  return Promise.all(
    names.map(async (name) => [name, await readFile(new URL(`assets/${name}`, import.meta.url))]),
  )
}

/** As the script "build" of package.json, for a server that runs from the source. */
export async function bundleAssets(): Promise<File[]> {
  const { build } = await import('esbuild')
  const sources = ['styles/console.css', ...scripts.map((name) => `browser/${name}.ts`)]
  const { outputFiles } = await build({
    entryPoints: sources.map((path) => fileURLToPath(new URL(path, import.meta.url))),
    ...{ bundle: true, minify: true, target: 'es2022' },
    ...{ write: false, outdir: 'assets' },
  })
  return outputFiles.map(({ path, contents }) => [basename(path), contents])
}
