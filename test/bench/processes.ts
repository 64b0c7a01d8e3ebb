/** The processes that a bench measures and loads: started on loopback, ended by pid. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'

const runFile = promisify(execFile)

export type RunningProcess = { pid: number; stop: () => Promise<void> }

/** Resolves when `url` answers anything at all. */
export async function startProcess(
  command: string,
  args: string[],
  env: Record<string, string>,
  url: string,
): Promise<RunningProcess> {
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const kill = () => void child.kill()
  process.once('exit', kill)
  child.once('exit', () => process.off('exit', kill))
  await untilAnswers(child, url)
  return { pid: child.pid ?? 0, stop: () => end(child) }
}

async function untilAnswers(child: ChildProcess, url: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended with ${child.exitCode}`)
    const answered = await fetch(url).then(
      () => true,
      () => false,
    )
    if (answered) return
    await delay(50)
  }
  throw new Error(`${url} does not answer`)
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
}

/** Null when the program is not installed. */
export async function findProgram(name: string): Promise<string | null> {
  for (const folder of ['/usr/bin', '/usr/sbin', '/usr/local/bin', '/opt/homebrew/bin']) {
    const found = await access(`${folder}/${name}`).then(
      () => true,
      () => false,
    )
    if (found) return `${folder}/${name}`
  }
  return null
}

export type Load = {
  seconds: number
  connections: number
  headers: Record<string, string>
  /** A file in Lua that makes the requests. */
  script?: string
}

/** Requests a second, by wrk. Throws when one of them failed. */
export async function load(
  wrk: string,
  url: string,
  { seconds, connections, headers, script }: Load,
): Promise<number> {
  const given = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const { stdout } = await runFile(wrk, [
    ...['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '20s'],
    ...(script ? ['-s', script] : []),
    ...given,
    url,
  ])
  const failed = /Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)/.exec(stdout)
  if (failed) throw new Error(`wrk at ${url}: ${failed[0]}`)
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1])
}
