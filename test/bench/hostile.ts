/** Posts bodies made to cost much to a server, and asks for its health meanwhile: how long is nothing else answered? */
import { readFile } from 'node:fs/promises'
import { type HostileBody, hostileBodies } from '../http/hostile-bodies.ts'
import { watchStalls } from './stalls.ts'
import { printTable, type Row } from './table.ts'
import { type BenchServer, withWorkbench } from './workbench.ts'

const maxStallMs = 100
const maxAnswerBytes = 100_000
const maxMegabytes = 400

type Measured = { stallMs: number; bytes: number; seconds: number; status: number }

export async function benchHostile(): Promise<void> {
  const rows = await withWorkbench(async (bench) => {
    const server = await bench.startServer()
    try {
      const measured: Row[] = []
      for (const body of hostileBodies) measured.push(rowOf(body, await measure(server, body)))
      return [...measured, memoryRow(await peakMegabytes(server))]
    } finally {
      await server.stop()
    }
  })
  printTable(`hostile bodies: longest stall (${maxStallMs} ms allowed)`, rows)
}

async function measure(
  server: BenchServer,
  { method, path, type, body }: HostileBody,
): Promise<Measured> {
  const sent = body()
  const stalls = watchStalls(server)
  const startedAt = performance.now()
  const answer = await fetch(`${server.url}${path}`, {
    method,
    headers: { Authorization: `Bearer ${server.key}`, 'Content-Type': type },
    body: sent,
  })
  const { byteLength: bytes } = await answer.arrayBuffer()
  const seconds = (performance.now() - startedAt) / 1_000
  const stallMs = await stalls.stop()
  return { stallMs, bytes, seconds, status: answer.status }
}

function rowOf({ name }: HostileBody, { stallMs, bytes, seconds, status }: Measured): Row {
  return {
    what: name,
    ours: `${stallMs.toFixed(0)} ms; ${status}, ${bytes} bytes after ${seconds.toFixed(2)} s`,
    peer: '',
    // Both targets in one: whichever is missed by more.
    ratio: Math.max(stallMs / maxStallMs, bytes / maxAnswerBytes),
    target: '<= 1.0',
  }
}

/** What the process needed at most, which Linux reports. */
async function peakMegabytes({ pid }: BenchServer): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024
}

const memoryRow = (megabytes: number): Row => ({
  what: `peak memory of the server (${maxMegabytes} MB allowed)`,
  ours: `${megabytes.toFixed(0)} MB`,
  peer: '',
  ratio: megabytes / maxMegabytes,
  target: '<= 1.0',
})
