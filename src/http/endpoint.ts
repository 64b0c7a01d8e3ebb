/** One contract per endpoint: it becomes the OpenAPI entry, checks the key, and validates what comes in. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { z } from 'zod'
import { type Author, changeIdOf, type Recording, startRecording } from '../db/recording.ts'
import type { Scope } from '../db/schema/api-keys.ts'
import { AppError, type ErrorCode } from '../lib/errors.ts'
import { findIssues } from '../lib/find-issues.ts'
import { semaphore } from '../lib/semaphore.ts'
import { errorMap } from '../lib/validation.ts'
import { withTimeout } from '../lib/with-timeout.ts'
import { errorTable, problem, validationError } from './problem.ts'
import { readFile, readJson } from './read-json.ts'
import { readIfMatch, readQuery } from './read-parameters.ts'
import { bodyExamples, fileExamples, parameterExample } from './request-examples.ts'

/** Who sends the request. Throws an {@link AppError} when it may not do what needs `scope`. */
export type Authorize = (c: Context, scope: Scope) => Promise<Author>

export type ApiContext = {
  app: OpenAPIHono
  authorize: Authorize
  /** How long handling a request may take once its body is read. */
  workMs: number
}

type ResponseContract = {
  description: string
  schema?: z.ZodType
  etag?: boolean
  /** The media types of an answer that is text. */
  text?: readonly string[]
}

export type Contract<
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Body extends z.ZodType,
> = {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** As OpenAPI writes it: `/v1/products/{id}`. */
  path: string
  /** The name that generated clients give it: `listProducts`. */
  operationId: string
  summary: string
  tag: string
  scope: Scope
  params: Params
  query: Query
  body: Body
  /** The media types of a body that is a file: it is handed on as it is. */
  file?: readonly string[]
  ifMatch?: boolean
  /** Whether its writes are recorded in the history: then the response has a Change-Id. */
  recorded?: boolean
  responses: Record<number, ResponseContract>
  /** Besides those that the rest of the contract implies. */
  errors?: readonly ErrorCode[]
}

type Input<Params extends z.ZodObject, Query extends z.ZodObject, Body extends z.ZodType> = {
  params: z.output<Params>
  query: z.output<Query>
  body: z.output<Body>
  /** Empty if the contract takes none. */
  file: Buffer
  /** The ETags of If-Match, without quotes; undefined without the header. */
  ifMatch: string[] | undefined
  /** For the writes of this request. */
  recording: Recording
}

/** For a contract that takes no path parameters or no query. Unknown query parameters are errors, so that a typing error is found. */
export const none = z.strictObject({})
export const noBody = z.undefined()

const wording = { error: errorMap }

export function endpoint<
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Body extends z.ZodType,
>(
  { app, authorize, workMs }: ApiContext,
  contract: Contract<Params, Query, Body>,
  handle: (input: Input<Params, Query, Body>, c: Context) => Promise<Response>,
): void {
  app.openAPIRegistry.registerPath(describe(contract))
  app.on(contract.method, contract.path.replaceAll(/\{(\w+)\}/g, ':$1'), async (c) => {
    const author = await authorize(c, contract.scope)
    const params = contract.params.safeParse(c.req.param(), wording)
    const query = contract.query.safeParse(readQuery(contract.query, c), wording)
    const file = contract.file ? await readFile(contract.file, c) : Buffer.alloc(0)
    const body = await readBody(contract.body, c)
    // All are validated before any error is reported, so that every invalid field is named at once.
    if (!params.success || !query.success || !body.success) {
      throw validationError([params, query, body].flatMap((checked) => checked.error?.issues ?? []))
    }
    const ifMatch = readIfMatch(c.req.header('If-Match'))
    const recording = startRecording(author)
    const input = {
      ...{ params: params.data, query: query.data, body: body.data },
      ...{ file, ifMatch, recording },
    }
    const response = await withTimeout(handle(input, c), workMs, timedOut)
    const changeId = changeIdOf(recording)
    if (changeId !== null) response.headers.set('Change-Id', changeId)
    return response
  })
}

const timedOut = () =>
  new AppError(
    'unavailable',
    'The request timed out. It may have completed: check before retrying.',
  )

/** A body with more values is validated step by step first, one body at a time. */
const largeSize = 2_000
const largeWaitMs = 10_000
const oneAtATime = semaphore(
  1,
  largeWaitMs,
  () => new AppError('unavailable', 'Too many large bodies arrive at once. Try again later.'),
)

async function readBody<Body extends z.ZodType>(schema: Body, c: Context) {
  if (!takesBody(schema)) return schema.safeParse(undefined, wording)
  const { value, size } = await readJson(c, isOptional(schema))
  if (size <= largeSize) return schema.safeParse(value, wording)
  return oneAtATime(async () => {
    const issues = await findIssues(schema, value)
    if (issues.length > 0) throw validationError(issues)
    await nextTurn()
    const read = schema.safeParse(value, wording)
    await nextTurn()
    return read
  })
}

const takesBody = (body: z.ZodType) => !(body instanceof z.ZodUndefined)
const isOptional = (body: z.ZodType) => body instanceof z.ZodOptional

const etagHeader = {
  ETag: {
    description: 'Changes with the record and its links',
    schema: { type: 'string' as const },
  },
}
const changeHeader = {
  'Change-Id': {
    description: 'The id of the change in the history, when something was changed',
    schema: { type: 'string' as const },
  },
}
const ifMatchHeader = z.object({
  'If-Match': z
    .string()
    .optional()
    .meta({ description: 'Write only if the record still has this ETag' }),
})

/** Errors of any request, before it is routed. */
const early = [
  'malformed',
  'request_timeout',
  'too_large',
  'uri_too_long',
  'too_many_requests',
  'headers_too_large',
] as const
/** Further errors of any request that needs a key. */
const always = ['unauthorized', 'forbidden', 'invalid', 'unavailable'] as const

function describe({
  method,
  path,
  operationId,
  summary,
  tag,
  scope,
  params,
  query,
  body,
  file,
  ifMatch,
  recorded = false,
  responses,
  errors = [],
}: Contract<z.ZodObject, z.ZodObject, z.ZodType>) {
  const codes: ErrorCode[] = [...errors, ...always]
  if (file || takesBody(body)) codes.push('unsupported_media_type')
  if (ifMatch) codes.push('precondition_failed')
  const successes = Object.entries(responses).map(
    ([status, response]) => [status, describeResponse(response, recorded)] as const,
  )
  return {
    method,
    path,
    operationId,
    summary,
    tags: [tag],
    description: `Needs a key with the scope \`${scope}\`.`,
    security: [{ key: [] }],
    request: {
      params: withExamples(params, path),
      query,
      ...(ifMatch ? { headers: ifMatchHeader } : {}),
      ...(takesBody(body) ? { body: describeBody(body, operationId) } : {}),
      ...(file ? { body: { required: true, content: describeFile(file, operationId) } } : {}),
    },
    responses: { ...Object.fromEntries(successes), ...describeErrors(codes) },
  }
}

function describeBody(schema: z.ZodType, operationId: string) {
  const media = { schema, example: bodyExamples[operationId] }
  return { required: !isOptional(schema), content: { 'application/json': media } }
}

const describeText = (types: readonly string[]) =>
  Object.fromEntries(types.map((type) => [type, { schema: z.string() }]))

const describeFile = (types: readonly string[], operationId: string) =>
  Object.fromEntries(
    types.map((type) => {
      const example = fileExamples[operationId]?.[type]
      return [type, { schema: z.string(), ...(example !== undefined && { example }) }]
    }),
  )

const withExamples = (params: z.ZodObject, path: string) =>
  z.strictObject(
    Object.fromEntries(
      Object.entries(params.shape).map(([name, schema]) => {
        const example = parameterExample(path, name)
        return [name, example && schema instanceof z.ZodType ? schema.meta({ example }) : schema]
      }),
    ),
  )

function describeResponse(
  { description, schema, etag, text }: ResponseContract,
  recorded: boolean,
) {
  const headers = { ...(etag ? etagHeader : {}), ...(recorded ? changeHeader : {}) }
  return {
    description,
    ...(schema ? { content: { 'application/json': { schema } } } : {}),
    ...(text ? { content: describeText(text) } : {}),
    ...(etag || recorded ? { headers } : {}),
  }
}

const retryAfter = {
  'Retry-After': { description: 'In seconds', schema: { type: 'integer' as const } },
}

/** By status: these, and those of any request. */
export function describeErrors(codes: readonly ErrorCode[]) {
  return Object.fromEntries(
    [...early, ...codes].map((code) => [errorTable[code].status, describeError(code)] as const),
  )
}

function describeError(code: ErrorCode) {
  return {
    description: errorTable[code].title,
    content: { 'application/problem+json': { schema: problem } },
    ...(code === 'too_many_requests' || code === 'unavailable' ? { headers: retryAfter } : {}),
  }
}
