/** In charge of opening what is to be read: a file or standard input, plain or gzip, in UTF-8. */
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, open, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { AppError } from '../lib/errors.ts'
import { codeOf } from '../lib/system-error.ts'

/** A file that can be read more than once: whole files are checked before the first row is written. */
export type InputFile = {
  /** As the person named it. */
  name: string
  /** Decompressed. Throws a refusal of one line when the bytes are not what they should be. */
  read: () => AsyncGenerator<Buffer>
  close: () => Promise<void>
}

/** `-` is standard input. What cannot be read twice is copied to a temporary file first. */
export async function openInput(path: string): Promise<InputFile> {
  if (path === '-') return copyOf('standard input', process.stdin)
  const found = await stat(path).catch((error: unknown) => {
    throw unreadable(path, error)
  })
  if (found.isDirectory()) throw new AppError('invalid', `${path} is a folder.`)
  if (!found.isFile()) return copyOf(path, createReadStream(path))
  return inputFile(path, path, async () => undefined)
}

async function copyOf(name: string, source: Readable): Promise<InputFile> {
  const folder = await mkdtemp(join(tmpdir(), 'storefeed-import-'))
  const close = () => rm(folder, { recursive: true, force: true })
  try {
    const copy = join(folder, 'input')
    await pipeline(source, createWriteStream(copy))
    return await inputFile(name, copy, close)
  } catch (error) {
    await close()
    throw error
  }
}

async function inputFile(
  name: string,
  path: string,
  close: () => Promise<void>,
): Promise<InputFile> {
  const head = await headOf(name, path)
  const compressed = head[0] === 0x1f && head[1] === 0x8b
  async function* read(): AsyncGenerator<Buffer> {
    const file = createReadStream(path)
    const stream = compressed ? file.pipe(createGunzip()) : file
    file.on('error', (error) => stream.destroy(error))
    try {
      yield* checkedUtf8(name, stream)
    } catch (error) {
      throw explained(name, error)
    } finally {
      file.destroy()
    }
  }
  return { name, read, close }
}

async function headOf(name: string, path: string): Promise<Buffer> {
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

async function* checkedUtf8(name: string, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  for await (const chunk of chunks) {
    decoder.decode(chunk, { stream: true })
    if (chunk.includes(0)) throw notUtf8(name)
    yield chunk
  }
  decoder.decode()
}

const notUtf8 = (name: string) =>
  new AppError('invalid', `${name} is not text in UTF-8: save it as such.`)

function explained(name: string, error: unknown): Error {
  if (error instanceof AppError) return error
  if (codeOf(error) === 'ERR_ENCODING_INVALID_ENCODED_DATA') return notUtf8(name)
  const code = codeOf(error)
  if (code === 'Z_BUF_ERROR')
    return new AppError('invalid', `${name} is cut short: its gzip stream has no end.`)
  if (code.startsWith('Z_')) return new AppError('invalid', `${name} is a damaged gzip file.`)
  return unreadable(name, error)
}

function unreadable(name: string, error: unknown): AppError {
  const why = { ENOENT: 'does not exist', EACCES: 'may not be read' }[codeOf(error)]
  return new AppError('invalid', `${name} ${why ?? `cannot be read (${codeOf(error)})`}.`)
}
