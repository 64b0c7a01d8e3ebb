/** The documentation names only files, headings and settings that exist. */
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { presets } from '../src/import-export/presets/presets.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

const isPage = (name: string) => name.endsWith('.md')
const inRoot = (await readdir(root)).filter(isPage)
const inDocs = (await readdir(join(root, 'docs'))).filter(isPage).map((name) => `docs/${name}`)
const inImport = (await readdir(join(root, 'docs/import'))).filter(isPage)
const pages = [...inRoot, ...inDocs, ...inImport.map((name) => `docs/import/${name}`)]

const read = (path: string) => readFile(join(root, path), 'utf8')

/** Without blocks of code, in which nothing is a link or a heading. */
const proseOf = (markdown: string) => markdown.replace(/^```.*?^```$/gms, '')

/** As GitHub derives the anchor of a heading. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')

const anchorsIn = (markdown: string) =>
  [...proseOf(markdown).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading))

test.each(pages)('every link in %s leads to a file and a heading that exist', async (page) => {
  const links = [...proseOf(await read(page)).matchAll(/\]\(([^)\s]+)\)/g)]
  const broken: string[] = []
  for (const [, link = ''] of links.filter(([, target = '']) => !/^https?:/.test(target))) {
    const [path = '', anchor] = link.split('#')
    const target = path === '' ? page : relative(root, join(root, dirname(page), path))
    const leads =
      existsSync(join(root, target)) &&
      (anchor === undefined || anchorsIn(await read(target)).includes(anchor))
    if (!leads) broken.push(link)
  }
  expect(broken).toEqual([])
})

test.each(pages)('every file that %s names exists', async (page) => {
  const named = (await read(page)).matchAll(/`((?:src|test|docs|migrations)\/[^`\s…<]*)`/g)
  const paths = [...named].map(([, path = '']) => path)
  expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([])
})

test.each(pages)('every script that %s runs exists', async (page) => {
  const { scripts } = JSON.parse(await read('package.json'))
  const named = (await read(page)).matchAll(/npm run(?: --silent)? ([\w:]+)/g)
  expect([...named].map(([, name = '']) => name).filter((name) => !(name in scripts))).toEqual([])
})

test('every page of docs/ is linked from the README', async () => {
  const readme = await read('README.md')
  expect(inDocs.filter((page) => !readme.includes(`(${page}`))).toEqual([])
})

test('each system whose exports are known has a page, which the page on import names', async () => {
  const index = await read('docs/import-export.md')
  expect(inImport.filter((page) => !index.includes(`(import/${page})`))).toEqual([])
  const texts = await Promise.all(inImport.map((page) => read(`docs/import/${page}`)))
  const named = texts.flatMap((text) =>
    [...text.matchAll(/--from ([\w-]+)/g)].map(([, name]) => name),
  )
  expect([...new Set(named)].sort()).toEqual(presets.map(({ name }) => name).sort())
  expect(presets.filter(({ name }) => !index.includes(`\`${name}\``))).toEqual([])
})

test('each field that a preset fills is named on its system’s page', async () => {
  for (const { name, fields } of presets) {
    const page = await read(`docs/import/${name.split('-')[0]}.md`)
    const unnamed = Object.keys(fields).filter(
      (field) => !field.split('.').some((part) => page.includes(part)),
    )
    expect(unnamed, name).toEqual([])
  }
})

test('the README has at most 200 lines', async () => {
  expect((await read('README.md')).split('\n').length - 1).toBeLessThanOrEqual(200)
})

/** The keys of the schema of the environment. */
async function settingNames(): Promise<string[]> {
  const source = await read('src/config.ts')
  return [...source.matchAll(/^ {2}([A-Z][A-Z_]+):/gm)].map(([, name = '']) => name)
}

test('every setting is documented, and none that does not exist', async () => {
  const documented = [...(await read('docs/configuration.md')).matchAll(/^\| `([A-Z_]+)` /gm)]
  expect(documented.map(([, name]) => name).sort()).toEqual((await settingNames()).sort())
})

test('.env.example has every setting', async () => {
  const listed = [...(await read('.env.example')).matchAll(/^#?([A-Z_]+)=/gm)]
  expect(listed.map(([, name]) => name).sort()).toEqual((await settingNames()).sort())
})
