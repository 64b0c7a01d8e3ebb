/** What the tests of the history share. */
import type { Answer, TestServer } from '../support/server.ts'

type Asking = Pick<TestServer, 'ask'>

export async function changesOf({ ask }: Asking, query = ''): Promise<unknown[]> {
  const { body } = await ask('GET', `/v1/changes?limit=100&${query}`)
  return Object(body).changes
}

export async function changeOf(
  { ask }: Asking,
  id: string | null,
): Promise<Record<string, unknown>> {
  return { ...Object((await ask('GET', `/v1/changes/${id}`)).body) }
}

/** The id of the change that an answer names. */
export const idOf = ({ headers }: Answer) => headers.get('Change-Id') ?? 'none'

export async function undo(
  { ask }: Asking,
  id: string,
  dryRun = false,
): Promise<Record<string, unknown>> {
  const { body } = await ask('POST', `/v1/changes/${id}/undo`, { dry_run: dryRun })
  return { ...Object(body) }
}
