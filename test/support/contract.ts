/** Checks the responses of a server under test against its own OpenAPI document. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import ajvFormats from 'ajv-formats'
import type { Answer } from './server.ts'

type Asked = { method: string; path: string; body: string | undefined }
type Media = Record<string, { schema?: object }>
type Operation = {
  operationId: string
  requestBody?: { required?: boolean; content: Media }
  responses: Record<string, { content?: Media }>
}
export type OpenApi = {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, object> }
}

type Contract = { document: OpenApi; validator: (pointer: string[]) => ValidateFunction }

/** By the document's text: the servers of one test run tell the same, so it is compiled once. */
const contracts = new Map<string, Contract>()
const documents = new Map<string, Promise<Contract>>()

function contractOf(url: string): Promise<Contract> {
  const known = documents.get(url) ?? readContract(url)
  documents.set(url, known)
  return known
}

async function readContract(url: string): Promise<Contract> {
  const text = await (await fetch(`${url}/openapi.json`)).text()
  const contract = contracts.get(text) ?? compile(JSON.parse(text))
  contracts.set(text, contract)
  return contract
}

function compile(document: OpenApi): Contract {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  ajvFormats.default(ajv)
  ajv.addSchema(document, 'openapi')
  const compiled = new Map<string, ValidateFunction>()
  function validator(pointer: string[]): ValidateFunction {
    const steps = pointer.map((step) => step.replaceAll('~', '~0').replaceAll('/', '~1'))
    const ref = `openapi#/${steps.map(encodeURIComponent).join('/')}`
    const validate = compiled.get(ref) ?? ajv.compile({ $ref: ref })
    compiled.set(ref, validate)
    return validate
  }
  return { document, validator }
}

/** Every status and every body must be documented; a request that was accepted must have been valid too. */
export async function checkAnswer(url: string, asked: Asked, answer: Answer): Promise<void> {
  const { document, validator } = await contractOf(url)
  const method = asked.method === 'HEAD' ? 'get' : asked.method.toLowerCase()
  const path = findPath(document, method, asked.path)
  const where = `${asked.method} ${asked.path.slice(0, 200)} → ${answer.status}`
  if (path === undefined) return mustBeUnlisted(document, where, asked.path, answer)
  const operation = document.paths[path]?.[method]
  const response = operation?.responses[answer.status]
  if (!response) throw new Error(`${where} is not documented: ${answer.text.slice(0, 500)}`)
  const base = ['paths', path, method]
  const isJson = operation?.requestBody?.content['application/json'] !== undefined
  const isLeftOut = asked.body === '' && operation?.requestBody?.required === false
  if (asked.body !== undefined && !isLeftOut && isJson && answer.status < 300)
    mustFit(
      validator([...base, 'requestBody', 'content', 'application/json', 'schema']),
      JSON.parse(asked.body),
      `the body of ${where}`,
    )
  if (asked.method === 'HEAD') return
  const type = answer.headers.get('Content-Type')?.split(';')[0] ?? ''
  if (!response.content && answer.text === '') return
  if (!response.content?.[type]) throw new Error(`${where} answers "${type}", undocumented`)
  const responses = [...base, 'responses', String(answer.status)]
  if (/[/+]json/.test(type))
    mustFit(validator([...responses, 'content', type, 'schema']), answer.body, where)
}

/** A path without parameters wins over one with them. */
function findPath(document: OpenApi, method: string, asked: string): string | undefined {
  const fitting = pathsAt(document, asked).filter((path) => document.paths[path]?.[method])
  return fitting.sort((a, b) => Number(a.includes('{')) - Number(b.includes('{')))[0]
}

function pathsAt(document: OpenApi, asked: string): string[] {
  const meant = meantBy(asked)
  return Object.keys(document.paths).filter((path) => patternOf(path).test(meant))
}

function meantBy(asked: string): string {
  const [pathname = ''] = asked.split('?')
  return dots.test(pathname) ? new URL(`http://any${pathname}`).pathname : pathname
}

/** Segments that are no names, but go up or nowhere (RFC 3986, 5.2.4): `/feeds/.` asks for `/feeds/`. */
const dots = /^\/(.*\/)?(\.|%2e){1,2}(\/|$)/i

export const patternOf = (path: string) =>
  new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`)

/** Errors that are sent before routing. */
const early = [400, 408, 413, 414, 429, 431]

/** Pages, and what they are made of. */
const page = /^\/(docs|console|$)/

/** A path documented with other methods answers 405 with exactly those; any other path is a 404. */
function mustBeUnlisted(document: OpenApi, where: string, path: string, answer: Answer): void {
  if (page.test(meantBy(path)) || early.includes(answer.status)) return
  const methods = pathsAt(document, path).flatMap((at) => Object.keys(document.paths[at] ?? {}))
  // Of a slash that is encoded, it is not for the document to say whether it ends a segment.
  const isOdd = /%2f/i.test(path)
  if ((methods.length === 0 || isOdd) && answer.status === 404) return
  const listed = answer.headers.get('Allow')?.toLowerCase().split(', ') ?? []
  const allowed = new Set(methods.includes('get') ? [...methods, 'head'] : methods)
  if (methods.length > 0 && answer.status === 405 && listed.join() === [...allowed].sort().join())
    return
  throw new Error(`${where} is not documented`)
}

function mustFit(validate: ValidateFunction, value: unknown, where: string): void {
  if (validate(value)) return
  throw new Error(`${where} is not as documented: ${JSON.stringify(validate.errors, null, 1)}`)
}

/** What no error may contain: SQL, a place in the code, an address of the database. */
const inside =
  /\b(select|insert into|update|delete from)\b.+\b(from|where|values|set)\b|Failed query|\.[jt]s:\d+|node_modules|postgres(ql)?:\/\/|constraint/i

export function checkError({ status, headers, text }: Answer, secrets: string[]): void {
  if (status < 400) return
  const leaked = inside.exec(text)?.[0] ?? secrets.find((secret) => text.includes(secret))
  if (leaked !== undefined) throw new Error(`an error contains "${leaked}": ${text}`)
  for (const secret of secrets)
    if ([...headers.values()].some((value) => value.includes(secret)))
      throw new Error('a header of an error contains a secret')
}
