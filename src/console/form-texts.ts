import type { Context } from 'hono'
import type { ConsoleEnv } from './console-env.ts'

/** The texts of a posted form, trimmed. */
export async function readTexts(c: Context<ConsoleEnv>): Promise<Record<string, string>> {
  const entries = [...(await c.req.formData())]
  return Object.fromEntries(
    entries.flatMap(([name, value]) =>
      typeof value === 'string' ? [[name, value.trim()] as const] : [],
    ),
  )
}
