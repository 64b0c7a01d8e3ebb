/** The rejects file: rejected records as they were read, with line and reason in front; it can be corrected and imported as it is. */

import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { formatRow } from '../lib/csv-row.ts'
import { isObject } from '../lib/is-object.ts'
import { rejectColumns } from './mapping.ts'
import { parseLine } from './ndjson.ts'
import type { InputRecord, RecordFile } from './read-records.ts'

export type Rejects = {
  add: (record: InputRecord, reason: string) => Promise<void>
  /** The path of the file; null when nothing was rejected and there is no file. */
  end: () => Promise<string | null>
}

export type RejectsFormat = {
  /** What precedes the first reject. */
  head: string
  format: (record: InputRecord, reason: string) => string
}

export function rejectsFormat({ header }: RecordFile): RejectsFormat {
  const isRejectsFile = header?.[0] === rejectColumns[0] && header[1] === rejectColumns[1]
  const from = isRejectsFile ? rejectColumns.length : 0
  const head = header ? formatRow([...rejectColumns, ...header.slice(from)]) : ''
  return { head, format: (record, reason) => formatReject(record, reason, from) }
}

/** Removes the rejects file of an earlier import. */
export async function openRejects(base: string, file: RecordFile): Promise<Rejects> {
  const path = `${base}.rejects.${file.header ? 'csv' : 'ndjson'}`
  await rm(path, { force: true })
  const { head, format } = rejectsFormat(file)
  let stream: WriteStream | undefined
  async function open(): Promise<WriteStream> {
    const opened = createWriteStream(path)
    await once(opened, 'open')
    opened.write(head)
    return opened
  }
  return {
    async add(record, reason) {
      stream ??= await open()
      if (!stream.write(format(record, reason))) await once(stream, 'drain')
    },
    async end() {
      if (stream && !stream.closed) {
        stream.end()
        await once(stream, 'close')
      }
      return stream ? path : null
    },
  }
}

function formatReject({ line, source }: InputRecord, reason: string, from: number): string {
  if ('rows' in source)
    return source.rows
      .map((row) => formatRow([String(row.line), reason, ...row.cells.slice(from)]))
      .join('')
  const start = `{"line":${line},"reason":${JSON.stringify(reason)}`
  if (!isObject(parseLine(source.text))) return `${start},"text":${JSON.stringify(source.text)}}\n`
  const text = source.text.replace(earlierReject, '{')
  return /^\{\s*\}$/.test(text) ? `${start}}\n` : `${start},${text.slice(1)}\n`
}

/** How a line begins that an earlier import rejected: the line and the reason of that time give way. */
const earlierReject = /^\{\s*"line"\s*:\s*\d+\s*,\s*"reason"\s*:\s*"(?:[^"\\]|\\.){0,100000}"\s*,?/
