/** What an endpoint takes and answers, and how the OpenAPI document tells it. */
import { z } from 'zod'
import type { Scope } from '../db/schema/api-keys.ts'
import type { ErrorCode } from '../lib/errors.ts'
import { errorTable, problem } from './problem.ts'
import { bodyExamples, fileExamples, parameterExample } from './request-examples.ts'

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

export const takesBody = (body: z.ZodType) => !(body instanceof z.ZodUndefined)
export const isOptional = (body: z.ZodType) => body instanceof z.ZodOptional

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

export function describe({
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
