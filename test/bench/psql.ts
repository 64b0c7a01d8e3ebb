/** What benches of files have in common: psql, the import as a process of its own, and the time both take. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Workbench } from './workbench.ts'

const runFile = promisify(execFile)
const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

export const hasPsql = () =>
  runFile('psql', ['--version']).then(
    () => true,
    () => false,
  )

/** With `-1` in one transaction. */
export async function runPsql(
  { databaseUrl }: Workbench,
  commands: string[],
  ...options: string[]
): Promise<void> {
  const given = commands.flatMap((command) => ['-c', command])
  await runFile('psql', [databaseUrl, '-q', '-v', 'ON_ERROR_STOP=1', ...options, ...given])
}

/** Returns the peak memory of the process in megabytes, which Linux reports while it runs. */
export async function importFiles({ databaseUrl }: Workbench, files: string[]): Promise<number> {
  const child = spawn(process.execPath, [main, 'import', ...files], {
    env: { ...process.env, DATABASE_URL: databaseUrl },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  let peak = Number.NaN
  const watching = setInterval(() => {
    readFile(`/proc/${child.pid}/status`, 'utf8').then(
      (status) => {
        const [, kilobytes] = /VmHWM:\s+(\d+)/.exec(status) ?? []
        if (kilobytes !== undefined) peak = Number(kilobytes) / 1024
      },
      () => undefined,
    )
  }, 200)
  const [code] = await once(child, 'exit')
  clearInterval(watching)
  if (code !== 0) throw new Error(`the import ended with ${code}`)
  return peak
}

export async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return (performance.now() - startedAt) / 1_000
}
