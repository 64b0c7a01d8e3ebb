/** A file that came with a request, in memory. Read in pieces, between which the server does other work. */
import { setImmediate as otherWork } from 'node:timers/promises'
import { AppError } from '../lib/errors.ts'
import { decode, findEncoding } from './encoding.ts'
import type { InputFile } from './input-file.ts'

const pieceBytes = 16_384
/** The server answers nothing else meanwhile. */
const maxRowCharacters = 250_000

export async function uploadedFile(
  content: Buffer,
  encoding: string | undefined,
): Promise<InputFile> {
  const name = 'The file'
  if (content[0] === 0x1f && content[1] === 0x8b)
    throw new AppError('invalid', `${name} is compressed: send it as it is.`)
  async function* readBytes(): AsyncGenerator<Buffer> {
    for (let at = 0; at < content.length; at += pieceBytes) {
      await otherWork()
      yield content.subarray(at, at + pieceBytes)
    }
  }
  const found = encoding ? { label: encoding } : await findEncoding(name, readBytes)
  const { label, note } = { note: undefined, ...found }
  const notes = note === undefined ? [] : [note]
  const read = () => decode(name, readBytes(), label)
  return { name, notes, read, maxRowCharacters, close: async () => undefined }
}
