/** The operations of the OpenAPI document. */
import type { OpenApi } from '../support/contract.ts'
import type { Schema } from './valid-values.ts'

export type Parameter = { name: string; in: string; required?: boolean; schema: Schema }

export type Operation = {
  method: string
  path: string
  parameters: Parameter[]
  /** Undefined without a request body. */
  body: Schema | undefined
  /** Whether the body is a file. */
  takesFile: boolean
  statuses: string[]
  /** The names of the security schemes; empty for public operations. */
  security: string[]
}

type Described = {
  parameters?: Parameter[]
  requestBody?: { content: Record<string, { schema?: Schema }> }
  responses: object
  security?: object[]
}

export function operationsOf(document: OpenApi): Operation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries<Described>(methods).map(([method, described]) => ({
      method: method.toUpperCase(),
      path,
      parameters: described.parameters ?? [],
      body: described.requestBody?.content['application/json']?.schema,
      takesFile: described.requestBody?.content['text/csv'] !== undefined,
      statuses: Object.keys(described.responses),
      security: (described.security ?? []).flatMap((one) => Object.keys(one)),
    })),
  )
}
