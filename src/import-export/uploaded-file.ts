/** A file that came with a request, in memory. Read in pieces, between which the server does other work. */
import { setImmediate as otherWork } from 'node:timers/promises'
import { AppError } from '../lib/errors.ts'
import { decode, findEncoding } from './encoding.ts'
import type { InputFile } from './input-file.ts'

const pieceBytes = 16_384
const maxLineBytes = 250_000

export async function uploadedFile(
  content: Buffer,
  encoding: string | undefined,
): Promise<InputFile> {
  const name = 'The file'
  if (content[0] === 0x1f && content[1] === 0x8b)
    throw new AppError('invalid', `${name} is compressed: send it as it is.`)
  assertShortLines(content)
  async function* readBytes(): AsyncGenerator<Buffer> {
    for (let at = 0; at < content.length; at += pieceBytes) {
      await otherWork()
      yield content.subarray(at, at + pieceBytes)
    }
  }
  const found = encoding ? { label: encoding } : await findEncoding(name, readBytes)
  const { label, note } = { note: undefined, ...found }
  const notes = note === undefined ? [] : [note]
  return { name, notes, read: () => decode(name, readBytes(), label), close: async () => undefined }
}

/** A line is looked at in one go. */
function assertShortLines(content: Buffer): void {
  let line = 1
  for (let start = 0; start < content.length; line++) {
    const end = content.indexOf('\n', start)
    const length = (end < 0 ? content.length : end) - start
    if (length > maxLineBytes && content.subarray(start, start + length).indexOf('\r') < 0)
      throw new AppError('invalid', `Line ${line} of the file is longer than 250 kB.`)
    start += length + 1
  }
}
