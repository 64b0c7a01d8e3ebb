/** Runs Postgres's programs as an account that Postgres accepts: it rejects root. */
import { spawn } from 'node:child_process'
import { stat } from 'node:fs/promises'

/** How a program is run: through another program, under another uid, or as this process. */
export type Account = { through: string[]; identity: { uid?: number; gid?: number } }

export type Outcome = { ok: boolean; output: string }

export const currentAccount: Account = { through: [], identity: {} }

const nobody = 65534
const namespace = ['unshare', '--user', `--map-user=${nobody}`, `--map-group=${nobody}`]

/**
 * As root, Postgres runs as the owner of the directory. When that is root too, it runs in a user namespace that maps
 * root to nobody; where the kernel forbids that, the directory is given to nobody.
 */
export async function accountFor(dataDir: string): Promise<Account> {
  if (process.getuid?.() !== 0) return currentAccount
  const { uid, gid } = await stat(dataDir)
  if (uid !== 0) return { through: [], identity: { uid, gid } }
  const inNamespace: Account = { through: namespace, identity: {} }
  if ((await run(inNamespace, 'true', [])).ok) return inNamespace
  await runOrThrow(currentAccount, 'chown', ['-R', `${nobody}:${nobody}`, dataDir])
  return { through: [], identity: { uid: nobody, gid: nobody } }
}

type RunOptions = { cwd?: string; input?: string }

/** Never rejects: a program that cannot be started is a failed outcome. */
export function run(
  account: Account,
  program: string,
  args: string[],
  { cwd = '/', input }: RunOptions = {},
): Promise<Outcome> {
  const [command = program, ...rest] = [...account.through, program, ...args]
  return new Promise((resolve) => {
    let output = ''
    const append = (text: string) => {
      output += text
    }
    const child = spawn(command, rest, {
      ...account.identity,
      cwd,
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      windowsHide: true,
    })
    // A program that ends before it has read all reports why by its outcome.
    child.stdin?.on('error', () => undefined).end(input)
    child.stdout?.setEncoding('utf8').on('data', append)
    child.stderr?.setEncoding('utf8').on('data', append)
    child.once('error', (error) => resolve({ ok: false, output: error.message }))
    child.once('close', (code) => resolve({ ok: code === 0, output: output.trim() }))
    // On Windows the server inherits the pipes of pg_ctl and would keep them open.
    child.once('exit', () =>
      setTimeout(() => [child.stdout?.destroy(), child.stderr?.destroy()], 200),
    )
  })
}

export async function runOrThrow(
  account: Account,
  program: string,
  args: string[],
  options: RunOptions = {},
): Promise<void> {
  const { ok, output } = await run(account, program, args, options)
  if (!ok) throw new Error(`${program} ${args.join(' ')} failed: ${output}`)
}
