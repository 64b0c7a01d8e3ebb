/** One contract per endpoint: it becomes the OpenAPI entry, checks the key, and validates what comes in. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { z } from 'zod'
import { type Author, changeIdOf, type Recording, startRecording } from '../db/recording.ts'
import type { Scope } from '../db/schema/api-keys.ts'
import { AppError } from '../lib/errors.ts'
import { findIssues } from '../lib/find-issues.ts'
import { semaphore } from '../lib/semaphore.ts'
import { errorMap } from '../lib/validation.ts'
import { withTimeout } from '../lib/with-timeout.ts'
import { type Contract, describe, isOptional, takesBody } from './contract.ts'
import { validationError } from './problem.ts'
import { readFile, readJson } from './read-json.ts'
import { readIfMatch, readQuery } from './read-parameters.ts'

/** Who sends the request. Throws an {@link AppError} when it may not do what needs `scope`. */
export type Authorize = (c: Context, scope: Scope) => Promise<Author>

export type ApiContext = {
  app: OpenAPIHono
  authorize: Authorize
  /** How long handling a request may take once its body is read. */
  workMs: number
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
