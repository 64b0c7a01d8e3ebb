/** Undo of what was just written, by the ids of its changes. */
import { send, wordsOf } from './send.ts'
import { toast } from './toast.ts'

/** Throws when no answer comes. Null: nothing stayed. */
async function undoChange(id: string): Promise<string | null> {
  const answer = await send('POST', `/v1/changes/${encodeURIComponent(id)}/undo`, {})
  if (answer.status !== 200) return wordsOf(answer, 'id')
  return Number(answer.body.conflicts) > 0 ? 'Some of it was changed since, and stays.' : null
}

/** The last change first. */
export async function undoChanges(ids: string[]): Promise<void> {
  try {
    for (const id of [...ids].reverse()) {
      const words = await undoChange(id)
      if (words !== null) return toast(words)
    }
  } catch {
    return toast('Not undone: the server does not answer. Try again under Changes.')
  }
  location.reload()
}
