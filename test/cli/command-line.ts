/** Runs storefeed as a user does: a separate process with arguments and environment variables. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { inject } from 'vitest'

type Environment = Record<string, string>

export type Ended = { code: number | null; signal: string | null; stdout: string; stderr: string }

export type Running = {
  pid: number
  /** Resolves to the first match in what was or will be printed; rejects when the process ends without it. */
  printed: (pattern: RegExp) => Promise<RegExpMatchArray>
  /** Sends the signal and waits for the end. */
  end: (signal?: NodeJS.Signals) => Promise<Ended>
  ended: Promise<Ended>
}

/** Passes on PATH and HOME only. There is no load balancer, so SIGTERM has no grace period. */
export function start(
  args: string[],
  environment: Environment = {},
  stdin?: string | Buffer,
): Running {
  return startProgram(process.execPath, [inject('main'), ...args], environment, { stdin })
}

type ProgramOptions = { cwd?: string; stdin?: string | Buffer | undefined }

/** Any program with the environment of {@link start}. */
export function startProgram(
  program: string,
  args: string[],
  environment: Environment = {},
  { cwd = tmpdir(), stdin }: ProgramOptions = {},
): Running {
  const { PATH = '', HOME = tmpdir() } = process.env
  const child = spawn(program, args, {
    cwd,
    env: { PATH, HOME, HOST: '127.0.0.1', PORT: '0', STOP_GRACE: '0s', ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  child.stdin.end(stdin)
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text
    })
  }
  const ended = once(child, 'close').then(([code, signal]): Ended => ({ code, signal, ...output }))
  return {
    pid: child.pid ?? 0,
    ended,
    printed: (pattern) => printed(child, () => output.stdout + output.stderr, pattern),
    async end(signal = 'SIGTERM') {
      child.kill(signal)
      return ended
    },
  }
}

function printed(
  child: ChildProcess,
  output: () => string,
  pattern: RegExp,
): Promise<RegExpMatchArray> {
  return new Promise((resolve, reject) => {
    function look() {
      const match = pattern.exec(output())
      if (match) resolve(match)
    }
    child.stdout?.on('data', look)
    child.stderr?.on('data', look)
    child.once('close', () => reject(new Error(`ended without ${pattern}: ${output()}`)))
    look()
  })
}

/** Until it ends, whatever its exit status. */
export function run(
  args: string[],
  environment: Environment = {},
  stdin?: string | Buffer,
): Promise<Ended> {
  return start(args, environment, stdin).ended
}
