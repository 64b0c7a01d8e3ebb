/** Under which change of the history the writes of a request or an import are recorded; triggers record them. */
import { randomUUID } from 'node:crypto'

/** Who writes, and how. */
export type Author = {
  via: 'rest' | 'console' | 'import'
  /** The id and the name of a key; null for a command. */
  keyId: number | null
  name: string | null
  /** The name of a file that is imported. */
  file?: string
}

export type Recording = {
  readonly changeId: string
  /** To be completed before the first write. */
  author: Author
  /** Whether a transaction that was recorded has committed; one that changes nothing is not recorded. */
  isRecorded: boolean
}

export const startRecording = (author: Author): Recording => ({
  changeId: randomUUID(),
  author,
  isRecorded: false,
})

/** Null when nothing was changed. */
export const changeIdOf = ({ changeId, isRecorded }: Recording): string | null =>
  isRecorded ? changeId : null
