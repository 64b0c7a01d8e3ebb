/** Opens what is to be imported: a file or standard input, plain or gzip. */
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, open, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { AppError } from '../lib/errors.ts'
import { codeOf } from '../lib/system-error.ts'
import { decode, findEncoding } from './encoding.ts'

/** A file that can be read more than once: it is checked as a whole before the first row is written. */
export type InputFile = {
  /** As the user named it. */
  name: string
  /** What the user should know of how it is read. */
  notes: string[]
  /** Decompressed and decoded. Throws an {@link AppError} when the bytes are not valid gzip or not of the encoding. */
  read: () => AsyncGenerator<string>
  /** The longest row or line: it is looked at in one go. */
  maxRowCharacters: number
  close: () => Promise<void>
}

/**
 * `-` is standard input. What cannot be read twice is first copied to a temporary file. Without `encoding` the file is
 * read once to find it.
 */
export async function openInput(path: string, encoding?: string): Promise<InputFile> {
  if (path === '-') return copyToFile('standard input', process.stdin, encoding)
  const found = await stat(path).catch((error: unknown) => {
    throw unreadable(path, error)
  })
  if (found.isDirectory()) throw new AppError('invalid', `${path} is a folder.`)
  if (!found.isFile()) return copyToFile(path, createReadStream(path), encoding)
  return inputFile(path, path, encoding, async () => undefined)
}

async function copyToFile(
  name: string,
  source: Readable,
  encoding: string | undefined,
): Promise<InputFile> {
  const folder = await mkdtemp(join(tmpdir(), 'storefeed-import-'))
  const close = () => rm(folder, { recursive: true, force: true })
  try {
    const copy = join(folder, 'input')
    await pipeline(source, createWriteStream(copy))
    return await inputFile(name, copy, encoding, close)
  } catch (error) {
    await close()
    throw error
  }
}

/** Far more than a real row needs. */
const maxRowCharacters = 8_000_000

async function inputFile(
  name: string,
  path: string,
  encoding: string | undefined,
  close: () => Promise<void>,
): Promise<InputFile> {
  const head = await readHead(name, path)
  const compressed = head[0] === 0x1f && head[1] === 0x8b
  async function* readBytes(): AsyncGenerator<Buffer> {
    const file = createReadStream(path)
    const stream = compressed ? file.pipe(createGunzip()) : file
    file.on('error', (error) => stream.destroy(error))
    try {
      yield* stream
    } catch (error) {
      throw explainReadError(name, error)
    } finally {
      file.destroy()
    }
  }
  const { label, note } = encoding ? { label: encoding } : await findEncoding(name, readBytes)
  const notes = note === undefined ? [] : [note]
  return { name, notes, read: () => decode(name, readBytes(), label), maxRowCharacters, close }
}

async function readHead(name: string, path: string): Promise<Buffer> {
  const file = await open(path).catch((error: unknown) => {
    throw unreadable(name, error)
  })
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0)
    if (bytesRead === 0) throw new AppError('invalid', `${name} is empty.`)
    return buffer
  } finally {
    await file.close()
  }
}

function explainReadError(name: string, error: unknown): Error {
  if (error instanceof AppError) return error
  const code = codeOf(error)
  if (code === 'Z_BUF_ERROR')
    return new AppError('invalid', `${name} is truncated: the gzip stream has no end.`)
  if (code.startsWith('Z_')) return new AppError('invalid', `${name} is a damaged gzip file.`)
  return unreadable(name, error)
}

function unreadable(name: string, error: unknown): AppError {
  const why = { ENOENT: 'does not exist', EACCES: 'is not readable for this user' }[codeOf(error)]
  return new AppError('invalid', `${name} ${why ?? `cannot be read (${codeOf(error)})`}.`)
}
